"""The interface of an engine: a map over items that returns results in the order of the items."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Function = Callable[[list[Any]], Iterable[Any]]  # the results of a list of items, in their order
Lost = Callable[[Any, str], Any]  # result of an item that cannot be computed, from the item and the reason
Arrived = Callable[[Any], object]  # hears of every result at once, while those before it may be missing


LOST = " workers (last: "  # marks the reason of every score that was lost with its workers
LOST_IN_OLD_RUNS = " workers, the last one: "
OUT_OF_MEMORY = "out of memory"  # the whole reason of a training that a GPU could not hold


def loss(deaths: int, last: str) -> str:
    """The reason for an item that crashed so many workers."""
    return f"crashed {deaths}{LOST}{last})"


def is_lost(reason: str) -> bool:
    """Whether a score is missing for lack of workers, of time or of memory, so that a retry may succeed."""
    return LOST in reason or LOST_IN_OLD_RUNS in reason or reason == OUT_OF_MEMORY


def unheard(what: object) -> None:
    """Ignores the messages or the results of an engine."""


class Engine(ABC):
    """Maps a function of a list over items. The choice of engine never changes a result."""

    chunk = 1  # number of items per call of the function
    most_workers = 1  # processes that may compute at the same time, while it is open
    shares_files = True  # whether its workers see the files of this machine

    @contextmanager
    def opened(self, device: str, announce: Callable[[str], object]) -> Iterator[Engine]:
        """Ready to compute on ``device`` (cpu, cuda or cuda:N) within the block; ``announce`` gets messages."""
        yield self

    @property
    @abstractmethod
    def description(self) -> str:
        """A short description of where an open engine computes."""

    def patient(self) -> Engine:
        """The same engine without a time limit, for items that are not scores."""
        return self

    def processes(self) -> list[int]:
        """The known ids of the computing processes on this machine."""
        return [os.getpid()]

    def share(self, items: int, most: int) -> None:
        """Limit `chunk` to ``most``, and so that ``items`` reach every worker."""
        self.chunk = max(1, min(most, math.ceil(items / self.most_workers)))

    def expect(self, seconds: float, items: int) -> None:
        """Hears how long each of ``items`` is expected to take."""
        return

    @abstractmethod
    def map(
        self,
        function: Callable[[list[T]], Iterable[R]],
        items: Iterable[T],
        lost: Lost,
        arrived: Arrived = unheard,
    ) -> Iterator[R]:
        """The results of ``function`` for ``items``, in order; each call gets `chunk` items.

        An item is taken from ``items`` only when a worker can start on it. ``lost(item, reason)`` is the result
        of an item that crashed every worker it was given to. ``arrived`` hears of every result at once, in
        any order.
        """


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` in lists of ``size``, consumed lazily; the last may be shorter."""
    iterator = iter(items)
    while taken := list(islice(iterator, size)):
        yield taken
