"""Work on files in another directory than the one that was named, which texts and results name all the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_places: dict[str, str] = {}  # by the directory of the work, the one that was named


@contextmanager
def displaced(work: Path, home: Path) -> Iterator[None]:
    """Within the block `named` writes ``home`` for ``work``, an absolute path that nothing else contains."""
    _places[str(work)] = str(home)
    try:
        yield
    finally:
        del _places[str(work)]


def named(text: str) -> str:
    """``text`` with the directories that were named."""
    for work, home in _places.items():
        text = text.replace(work, home)
    return text


def with_named(value: Any) -> Any:
    """A result with the paths that were named, also inside dataclasses and mappings."""
    if isinstance(value, str):
        return named(value)
    if isinstance(value, Path):
        return Path(named(str(value)))
    if isinstance(value, dict):
        return {name: with_named(one) for name, one in value.items()}
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    before = {one.name: getattr(value, one.name) for one in dataclasses.fields(value) if one.init}
    changed = {name: now for name, old in before.items() if (now := with_named(old)) is not old and now != old}
    return dataclasses.replace(value, **changed) if changed else value
