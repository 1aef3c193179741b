"""Defects by a change of one line: a function is compiled again, and errors name its file and line."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import pytest


def mutate(patch: pytest.MonkeyPatch, owner: Any, name: str, old: str, new: str, *importers: Any) -> int:
    """Replaces ``old`` by ``new`` in the function ``name`` of ``owner`` and of ``importers``; returns the line."""
    found = inspect.getattr_static(owner, name)
    function = found.fset if isinstance(found, property) else inspect.unwrap(found)
    source, first = inspect.getsourcelines(function)
    text = "".join(source)
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
    tree = ast.parse(textwrap.dedent(text.replace(old, new)))
    ast.increment_lineno(tree, first - 1)
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    names: dict[str, Any] = {}
    exec(compile(tree, function.__code__.co_filename, "exec"), function.__globals__, names)
    changed: Callable[..., Any] = names[name]
    for place in (owner, *importers):
        patch.setattr(place, name, property(found.fget, changed) if isinstance(found, property) else changed)
    return first + text[: text.index(old)].count("\n")
