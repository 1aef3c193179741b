"""The events of the library. It never prints; observers receive events."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from evonas.core.notices import heard_by
from evonas.store.schema import GenerationRow
from evonas.store.settings import SearchSettings
from evonas.training.metrics import EpochRow

if TYPE_CHECKING:
    from evonas.training.settings import TrainSettings

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Best:
    """The best individual so far."""

    birth: int
    genotype: Any
    score: float
    params: int
    flops: int


@dataclass(frozen=True)
class Born:
    """One individual of a search."""

    birth: int
    parent: int | None  # birth of the parent; None in the first population
    genotype: Any
    score: float | None  # None if it cannot be computed, and while a composite has no statistics
    params: int
    flops: int
    cached: bool | None = None  # same network as an earlier birth; None if no longer known


@dataclass(frozen=True)
class Progress:
    """The progress of a search."""

    generation: int  # the current generation
    births: int  # committed or being scored
    total_births: int
    evaluations: int
    cache_hits: int
    failures: int
    seconds: float  # the last evaluation
    best: Best | None
    born: Born | None = None  # the one that `Observer.evaluated` tells of
    population: tuple[Born, ...] = ()  # population after the last finished generation, in order of birth


class Observer:
    """Receives the events of a search, a training and an evaluation; this class ignores them."""

    def started(
        self, path: Path, settings: SearchSettings, progress: Progress, history: list[GenerationRow], engine: str
    ) -> None:
        """A search starts or continues; ``engine`` describes where scores are computed."""

    def evaluated(self, progress: Progress) -> None:
        """An individual has its score."""

    def generation(self, row: GenerationRow, progress: Progress) -> None:
        """A generation is on disk."""

    def training(self, path: Path, settings: TrainSettings, history: list[EpochRow], steps: int) -> None:
        """A training starts or continues after ``history``; an epoch has ``steps``."""

    def step(self, epoch: int, done: int) -> None:
        """``done`` steps of an epoch are finished."""

    def epoch(self, row: EpochRow) -> None:
        """An epoch is on disk."""

    def measuring(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` images of one part of an evaluation are finished."""

    def message(self, text: str) -> None:
        """A message of one line."""

    def warning(self, text: str) -> None:
        """Something that the user probably did not mean, or must know before trusting a result."""
        self.message(text)

    def closed(self) -> None:
        """The stage has ended, successfully or not."""


class Unwatched(Observer):
    """Stands for the observer that was not passed: silent, but a warning is raised as a Python warning."""

    def warning(self, text: str) -> None:
        warnings.warn(text, UserWarning, stacklevel=2)


class Observers(Observer):
    """Passes every event on to several observers."""

    def __init__(self, *members: Observer) -> None:
        self.members = members

    def started(
        self, path: Path, settings: SearchSettings, progress: Progress, history: list[GenerationRow], engine: str
    ) -> None:
        for member in self.members:
            member.started(path, settings, progress, history, engine)

    def evaluated(self, progress: Progress) -> None:
        for member in self.members:
            member.evaluated(progress)

    def generation(self, row: GenerationRow, progress: Progress) -> None:
        for member in self.members:
            member.generation(row, progress)

    def training(self, path: Path, settings: TrainSettings, history: list[EpochRow], steps: int) -> None:
        for member in self.members:
            member.training(path, settings, history, steps)

    def step(self, epoch: int, done: int) -> None:
        for member in self.members:
            member.step(epoch, done)

    def epoch(self, row: EpochRow) -> None:
        for member in self.members:
            member.epoch(row)

    def measuring(self, what: str, done: int, total: int) -> None:
        for member in self.members:
            member.measuring(what, done, total)

    def message(self, text: str) -> None:
        for member in self.members:
            member.message(text)

    def warning(self, text: str) -> None:
        for member in self.members:
            member.warning(text)

    def closed(self) -> None:
        for member in self.members:
            member.closed()


def heard_by_observer(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Notices while ``function`` works are messages to its argument ``observer``, unless that is None."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def hearing(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        observer = signature.bind(*args, **kwargs).arguments.get("observer")
        if not isinstance(observer, Observer):  # None, or a mistake that ``function`` reports
            return function(*args, **kwargs)
        with heard_by(observer.message):
            return function(*args, **kwargs)

    return hearing
