"""Signatures of functions that take the fields of settings as keywords."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def keywords(options: type) -> Callable[[Function], Function]:
    """The keys of a TypedDict, None by default, in place of ``**options`` in the signature of a function.

    `evonas.core.events.heard_by_observer` refuses the call with any other keyword.
    """

    def signed(function: Function) -> Function:
        signature = inspect.signature(function)
        own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        named = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_text(hint))
            for name, hint in options.__annotations__.items()
        ]
        function.__signature__ = signature.replace(parameters=[*own, *named])  # type: ignore[attr-defined]
        return function

    return signed


def _text(hint: Any) -> str:
    return getattr(hint, "__forward_arg__", str(hint))
