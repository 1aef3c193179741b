"""Lists in one text: items separated by commas; a comma that belongs to an item is written twice."""

from __future__ import annotations

from collections.abc import Iterable

_COMMA = "\0"  # no text of a caller has it


def separated(text: str) -> list[str]:
    """The items of a list, without spaces around them and without empty ones."""
    items = text.replace(",,", _COMMA).split(",")
    return [item.replace(_COMMA, ",").strip() for item in items if item.strip()]


def joined(items: Iterable[str]) -> str:
    """The text that `separated` reads as ``items``."""
    return ",".join(item.replace(",", ",,") for item in items)
