"""A registry of named objects: spaces, proxies, algorithms, data sets and others."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from spaces.errors import UsageError, shorten

T = TypeVar("T")

MAX_NAME_CHARS = 1000  # of an unknown name that is compared


def closest(name: str, known: list[str]) -> str:
    """The known names nearest to ``name``, as the end of an error message."""
    folded = {candidate.lower(): candidate for candidate in known}
    asked = name[:MAX_NAME_CHARS].lower()  # the cost of comparing grows with the length
    near = [folded[match] for match in difflib.get_close_matches(asked, folded, n=3, cutoff=0.5)]
    return f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(known)}"


class Registry(Generic[T]):
    """Objects by name. A duplicate is an error; the error of a missing name suggests the closest ones."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that registers an object as ``name``."""

        def enter(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return enter

    def __getitem__(self, name: str) -> T:
        if not isinstance(name, str):  # untrusted settings
            raise UsageError(f"the name of a {self.kind} must be text, not {shorten(str(name))}")
        if name not in self._entries:
            raise UsageError(f"unknown {self.kind} {shorten(name)}: {closest(name, list(self))}")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
