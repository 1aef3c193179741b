"""Where scores are computed: for now, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from fitness import Score, Task, score_all
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


def score_chunk(genotypes: Sequence[Any], names: Sequence[str], task: Task) -> list[dict[str, Score]]:
    """`fitness.score_all` as an engine maps it: over lists of genotypes.

    Raises `EvonasError` for a device that fails, naming the first genotype that is left without its scores.
    """
    found: list[dict[str, Score]] = []
    try:
        for scores in score_all(genotypes, names, task):
            found.append(scores)
    except (RuntimeError, MemoryError) as error:
        first_line = str(error).strip().split("\n")[0] or type(error).__name__
        at = genotypes[len(found)]
        raise EvonasError(f"scoring failed on {task.device}: {first_line} (genotype {at})") from error
    return found
