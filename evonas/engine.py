"""Where scores are computed: for now, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from fitness import Score, Task, proxies
from spaces.errors import EvonasError

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """Maps a function over items and yields the results in the items' order."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]: ...


class InProcess:
    """One item after the other, computed when its result is asked for."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        yield from map(function, items)


def score_one(genotype: Any, proxy: str, task: Task) -> Score:
    """One score; a device that fails is reported with the genotype it failed on."""
    try:
        return proxies[proxy].score(genotype, task)
    except (RuntimeError, MemoryError) as error:
        first_line = str(error).strip().split("\n")[0] or type(error).__name__
        raise EvonasError(f"scoring failed on {task.device}: {first_line} (genotype {genotype})") from error
