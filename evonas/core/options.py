"""Options as the fields of a frozen dataclass: read from text, typed by its annotations, within its bounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from evonas.core.arguments import finite, flag, integer, items, mapping, number, one_of, text
from spaces.errors import UsageError, shown

Scalar = bool | int | float | str | None
MAX_INTEGER = 2**63 - 1
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_EXPECTED = {int: "an integer", float: "a number", bool: "true or false"}


def bounded(default: Any, low: float, high: float) -> Any:
    """A field of an options class whose number must be from ``low`` to ``high``."""
    return field(default=default, metadata={"bounds": (low, high)})


@dataclass(frozen=True)
class Option:
    """One field of an options class: its type, its default and the values that it allows."""

    name: str
    kind: type  # int, float, bool or str
    default: Any  # `dataclasses.MISSING` for none
    optional: bool = False  # None is allowed
    choices: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None  # inclusive

    def __str__(self) -> str:
        """The name with its default and what is allowed, as ``evonas list`` shows it."""
        allowed = " or ".join(self.choices) or self.kind.__name__
        if self.bounds is not None:
            allowed += " from {:g} to {:g}".format(*self.bounds)
        default = "required" if self.default is dataclasses.MISSING else f"default {written(self.default)}"
        return f"{self.name} ({allowed}{', or none' if self.optional else ''}; {default})"

    def read(self, value: object) -> Scalar:
        """``value``, which may be text, in the type of the option. Raises `UsageError` for any other value."""
        label = f"--option {self.name}"
        if self.optional and (value is None or (isinstance(value, str) and value.lower() == "none")):
            return None
        if self.kind is str:
            chosen = text(value, label)
            return one_of(chosen, label, self.choices) if self.choices else chosen
        if isinstance(value, str):
            value = self._parsed(value, label)
        if self.kind is bool:
            return flag(value, label)
        low, high = self.bounds or (-MAX_INTEGER, MAX_INTEGER)
        if self.kind is int:
            return integer(value, label, int(low), int(high))
        allowed = f"a number from {low:g} to {high:g}" if self.bounds else "a finite number"
        return float(number(value, label, allowed, lambda x: finite(x) and (not self.bounds or low <= x <= high)))

    def _parsed(self, value: str, label: str) -> object:
        word = str.__str__(value).strip()
        try:
            return _TRUTHS[word.lower()] if self.kind is bool else self.kind(word)
        except (KeyError, ValueError):
            raise UsageError(f"{label} must be {_EXPECTED[self.kind]}, not {shown(value)}") from None


def options_in(kind: type, without: Iterable[str] = ()) -> tuple[Option, ...]:
    """The options that the fields of the dataclass ``kind`` stand for, except those named in ``without``."""
    hints, left_out = get_type_hints(kind), frozenset(without)
    return tuple(_option(one, hints[one.name]) for one in dataclasses.fields(kind) if one.name not in left_out)


def _option(one: dataclasses.Field[Any], hint: Any) -> Option:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    optional, kinds = NoneType in kinds, tuple(kind for kind in kinds if kind is not NoneType)
    choices = get_args(kinds[0]) if get_origin(kinds[0]) is Literal else ()
    kind = str if choices else kinds[0]
    if len(kinds) > 1 or kind not in (int, float, bool, str):
        raise TypeError(f"the option {one.name!r} must be int, float, bool, str or a choice of texts, not {hint}")
    return Option(one.name, kind, one.default, optional, choices, one.metadata.get("bounds"))


def assigned(value: object, label: str = "--option") -> dict[str, Any]:
    """Values by name, from a mapping, pairs, or texts ``NAME=VALUE``. Raises `UsageError` for anything else."""
    if isinstance(value, Mapping):
        return mapping(value, label)
    found: dict[str, Any] = {}
    for item in items(value, label):
        if isinstance(item, tuple | list) and len(item) == 2:
            name, content = text(item[0], label), item[1]
        else:
            name, equals, content = text(item, label).partition("=")
            if not equals:
                raise UsageError(f"{label} takes NAME=VALUE, such as {label} rate=0.1, not {shown(item)}")
        name = name.strip()
        if name in found:
            raise UsageError(f"{label} {name} is given twice: {written(found[name])} and {written(content)}")
        found[name] = content.strip() if isinstance(content, str) else content
    return found


def frozen(value: object) -> tuple[tuple[str, Scalar], ...]:
    """What `assigned` reads, as pairs in the order of their names. Raises `UsageError` for other than scalars."""
    found = assigned(value)
    for name, content in found.items():
        if not isinstance(content, bool | int | str | None) and not (
            isinstance(content, float) and finite(content)
        ):
            raise UsageError(f"--option {name} must be a number, text, true, false or none, not {shown(content)}")
    return tuple(sorted(found.items()))


def written(value: object) -> str:
    """The text that `Option.read` reads as ``value``."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
