"""What an engine is: a map over items whose results come in the items' order, wherever they are computed."""

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
Lost = Callable[[Any, str], Any]  # what stands for the result of an item that cannot be computed, and why


LOST = " workers, the last one: "  # in the reason of every score that was lost with its workers, and of no other


def loss(deaths: int, last: str) -> str:
    """What is said of an item that ended so many workers."""
    return f"ended {deaths}{LOST}{last}"


def is_lost(reason: str) -> bool:
    """Whether a score is missing because workers were killed or took too long: computed again, it may be there."""
    return LOST in reason


def unheard(text: str) -> None:
    """For those who want no news of an engine."""


class Engine(ABC):
    """Maps a function of a list over items. Which engine it is never changes a result."""

    chunk = 1  # items that the function is given at a time
    most_workers = 1  # processes that may come to compute at once, while it is opened

    @contextmanager
    def opened(self, device: str, announce: Callable[[str], object]) -> Iterator[Engine]:
        """Ready to compute on ``device`` (cpu, cuda or cuda:N) within the block; ``announce`` gets news of it."""
        yield self

    @property
    @abstractmethod
    def description(self) -> str:
        """Where an opened engine computes, in a few words."""

    def processes(self) -> list[int]:
        """The ids of those processes of this machine that compute, as far as they are known."""
        return [os.getpid()]

    def share(self, items: int, most: int) -> None:
        """From here on `chunk` is at most ``most``, and small enough that ``items`` reach every worker."""
        self.chunk = max(1, min(most, math.ceil(items / self.most_workers)))

    @abstractmethod
    def map(self, function: Callable[[list[T]], Iterable[R]], items: Iterable[T], lost: Lost) -> Iterator[R]:
        """The results of ``function`` for ``items``, in their order; it is given `chunk` items at a time.

        An item is taken from ``items`` only when somebody can begin with it. ``lost(item, reason)`` stands for
        an item that ended every process it was given to.
        """


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` as lists of ``size``, none taken before it is asked for; the last may be shorter."""
    iterator = iter(items)
    while taken := list(islice(iterator, size)):
        yield taken
