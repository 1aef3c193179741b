"""Checks of the fields of settings: texts, integers within bounds, presets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evonas.core.arguments import integer, option, text
from spaces.errors import UsageError, shorten
from spaces.registry import closest


def preset_of(name: str | None, presets: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The values of a preset, none without a name. Raises `UsageError` for an unknown one."""
    if name is None:
        return {}
    name = text(name, "--preset")
    if name not in presets:
        raise UsageError(f"unknown --preset {shorten(name)}: {closest(name, list(presets))}")
    return dict(presets[name])


def check_texts(settings: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Makes fields of ``settings`` plain text; ``optional`` ones may be None. Raises `UsageError` for the rest."""
    for name in (*required, *optional):
        value = getattr(settings, name)
        if value is not None or name in required:
            set_field(settings, name, text(value, option(name)))


def check_integers(settings: Any, bounds: Mapping[str, tuple[int, int]], optional: tuple[str, ...] = ()) -> None:
    """Makes fields of ``settings`` Python integers within inclusive ``bounds``; ``optional`` ones may be None."""
    for name, (low, high) in bounds.items():
        value = getattr(settings, name)
        if value is not None or name not in optional:
            set_field(settings, name, integer(value, option(name), low, high))


def set_field(settings: Any, name: str, value: Any) -> None:
    """Sets a field of a frozen dataclass that is being made."""
    object.__setattr__(settings, name, value)
