"""This process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from evonas.engine.base import Engine, Lost, R, T, chunks


class InProcess(Engine):
    """One chunk after the other in this process, computed when its first result is asked for."""

    description = "this process"

    def map(self, function: Callable[[list[T]], Iterable[R]], items: Iterable[T], lost: Lost) -> Iterator[R]:
        for chunk in chunks(items, self.chunk):
            yield from function(chunk)
