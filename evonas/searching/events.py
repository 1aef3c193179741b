"""The events of a search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from evonas.core.events import Event
from evonas.store.schema import GenerationRow
from evonas.store.settings import SearchSettings


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
    born: Born | None = None  # the one that `Evaluated` tells of
    population: tuple[Born, ...] = ()  # population after the last finished generation, in order of birth


@dataclass(frozen=True)
class SearchStarted(Event):
    """A search starts, or continues after ``history``."""

    path: Path
    settings: SearchSettings
    progress: Progress
    history: list[GenerationRow]
    engine: str  # describes where scores are computed
    name: ClassVar[str] = "started"


@dataclass(frozen=True)
class Evaluated(Event):
    """An individual has its score."""

    progress: Progress
    name: ClassVar[str] = "evaluated"


@dataclass(frozen=True)
class GenerationDone(Event):
    """A generation is on disk."""

    row: GenerationRow
    progress: Progress
    name: ClassVar[str] = "generation"
