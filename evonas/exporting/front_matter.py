"""The header of a Markdown file in YAML, block by block."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def front_matter(values: Mapping[str, Any]) -> str:
    """``values`` between two lines of ``---``; texts are quoted, so that each is read as text."""
    return "\n".join(["---", *_mapping(values), "---"])


def _mapping(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        inner = list(_lines(value))
        if isinstance(value, Mapping | list | tuple) and value:
            indent = "  " if isinstance(value, Mapping) else ""
            yield f"{_key(name)}:"
            yield from (indent + line for line in inner)
        else:
            yield f"{_key(name)}: {inner[0]}"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield from _mapping(value)
    elif isinstance(value, list | tuple) and value:
        yield from sequence(value)
    else:
        yield _scalar(value)


def sequence(values: Sequence[Any]) -> Iterator[str]:
    """The lines of a list."""
    for value in values:
        first, *more = _lines(value)
        yield f"- {first}"
        yield from (f"  {line}" for line in more)


def _key(name: str) -> str:
    return name if name.replace("-", "_").isidentifier() else _scalar(name)


def _scalar(value: Any) -> str:
    """A JSON scalar, which YAML reads alike; a character above U+FFFF needs the escape of YAML."""
    if not isinstance(value, str):
        return json.dumps(value, allow_nan=False)
    parts = (json.dumps(c)[1:-1] if ord(c) < 0x10000 else f"\\U{ord(c):08x}" for c in value)
    return f'"{"".join(parts)}"'
