"""This process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from evonas.engine.base import Arrived, Engine, Lost, R, T, chunks, unheard


class InProcess(Engine):
    """Computes the chunks in this process, each when its first result is needed."""

    description = "this process"

    def map(
        self,
        function: Callable[[list[T]], Iterable[R]],
        items: Iterable[T],
        lost: Lost,
        arrived: Arrived = unheard,
    ) -> Iterator[R]:
        for chunk in chunks(items, self.chunk):
            for result in function(chunk):
                arrived(result)
                yield result
