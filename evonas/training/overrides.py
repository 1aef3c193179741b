"""Changes to the numbers of a recipe, as they are given on a command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spaces.errors import UsageError


def overrides(texts: Iterable[str] | None, **given: Any) -> dict[str, Any]:
    """Changes to a recipe, from ``NAME=VALUE`` and from options that are not None.

    Raises `UsageError` for text in another form.
    """
    numbers: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set takes NAME=VALUE, such as --set cutout=16, not {text!r}")
        numbers[name.strip()] = value.strip()
    asked = {name: value for name, value in given.items() if value is not None}
    twice = [name for name in asked if name in numbers]
    if twice:
        name = twice[0]
        raise UsageError(f"{name} is given twice: {asked[name]} and --set {name}={numbers[name]}")
    return numbers | asked
