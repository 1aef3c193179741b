"""The events of a search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from evonas.core.events import Event
from evonas.store.individual import Individual
from evonas.store.objective import Objective
from evonas.store.schema import GenerationRow
from evonas.store.settings import SearchSettings


@dataclass(frozen=True)
class Progress:
    """The progress of a search."""

    generation: int  # the current generation
    births: int  # committed or being scored
    total_births: int | None  # None: no limit of generations
    total_evaluations: int | None  # None: no budget
    evaluations: int
    cache_hits: int
    failures: int
    seconds: float  # the last evaluation
    best: Individual | None
    population: tuple[Individual, ...] = ()  # population after the last finished generation
    front: tuple[Individual, ...] = ()  # the Pareto front; of one objective the best individual

    @property
    def done(self) -> int:
        """What counts towards `total`."""
        return self.births if self.total_evaluations is None else self.evaluations

    @property
    def total(self) -> int:
        """The evaluations of a search with a budget, otherwise the births."""
        return self.total_evaluations or self.total_births or 0

    @property
    def unit(self) -> str:
        """What `total` counts."""
        return "births" if self.total_evaluations is None else "evaluations"


@dataclass(frozen=True)
class SearchStarted(Event):
    """A search starts, or continues after ``history``."""

    path: Path
    settings: SearchSettings
    progress: Progress
    history: list[GenerationRow]
    engine: str  # describes where scores are computed
    objectives: tuple[Objective, ...]
    latest: bool = False  # the result of the search is its latest birth, not the best one
    name: ClassVar[str] = "started"


@dataclass(frozen=True)
class Evaluated(Event):
    """An individual has its score, unless it is a composite whose statistics are not known yet."""

    individual: Individual
    progress: Progress
    name: ClassVar[str] = "evaluated"


@dataclass(frozen=True)
class GenerationDone(Event):
    """A generation is on disk."""

    row: GenerationRow
    progress: Progress
    name: ClassVar[str] = "generation"
