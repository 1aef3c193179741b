"""What a search maximises: an object that an engine maps over genotypes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from evonas.store.objective import Objective
from evonas.store.settings import SearchSettings
from fitness import Score, Task
from fitness.composite import Member
from spaces import Space

__all__ = ["Fitness", "Objective"]
MOVED = "if it was moved, name its new place with --proxy, --objectives or --constraint"


class Fitness(ABC):
    """Scores genotypes by named values; it is pickled once for each worker process.

    A kind of fitness registers a class in `evonas.searching.objectives.fitness_kinds`, which is called with what
    follows the colon of ``--proxy KIND:ARGUMENT``. Two objects with equal `objectives` are the same value at two
    places, such as a file that was moved.
    """

    form: ClassVar[str] = ""  # of the argument, such as PATH:COLUMN; in brackets if it may be left out
    needs_images: bool = False  # whether a score depends on a batch of images
    members: tuple[Member, ...] = ()  # of a composite, which the first population standardises
    of_proxies: bool = False  # whether the values are those of the proxies called `names`
    measured: bool = False  # whether a value is measured on this machine: once, kept with the run, not recomputed
    positive: bool = False  # whether every value is larger than 0
    slow: bool = False  # whether a value takes so long that it is stored at once, and that the cost is said first

    def within(self, settings: SearchSettings) -> Fitness:
        """The fitness in a search with ``settings``, of which most kinds need nothing."""
        return self

    @property
    def parts(self) -> tuple[Fitness, ...]:
        """What it consists of: itself, or several fitnesses that are optimised together."""
        return (self,)

    @property
    def composites(self) -> dict[str, tuple[Member, ...]]:
        """The members of the objectives that are composites, by the name of the objective."""
        return {self.objectives[0].name: self.members} if self.members else {}

    @property
    @abstractmethod
    def text(self) -> str:
        """The normal form of the text that ``--proxy`` takes, as it is stored with the run."""

    @property
    @abstractmethod
    def objectives(self) -> tuple[Objective, ...]:
        """What is maximised or minimised; the first one is the headline."""

    @property
    def names(self) -> tuple[str, ...]:
        """The values that `score` computes: the objectives, or the members of a composite."""
        return tuple(objective.name for objective in self.objectives)

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Everything except genotype and task that a kept value depends on, as JSON: versions, digests."""

    def conditions(self, device: str) -> dict[str, str]:
        """The machine and the versions that `measured` values depend on in a run on ``device``."""
        return {}

    def forecast(self, genotypes: Sequence[Any], task: Task) -> float | None:
        """About the mean seconds of a value of ``genotypes``, if it is `slow`; None if unknown."""
        return None

    def check(self, space: Space) -> Sequence[str]:
        """Warnings before a search starts. Raises `UsageError` if genotypes of ``space`` cannot be scored."""
        return ()

    def changed(self, name: str, then: Any, now: Any) -> str:
        """What is wrong with a run in whose `identity` the entry ``name`` was ``then``, after the run's path."""
        if isinstance(now, int):
            then, now = f"version {then}", f"the present version {now}"
        return f"was scored by {then} of {name!r}, but {now} gives other scores; start a new run"

    @abstractmethod
    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        """The values of each genotype by name, in order."""
