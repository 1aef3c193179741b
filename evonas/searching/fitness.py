"""What a search maximises: an object that an engine maps over genotypes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evonas.store.objective import Objective
from fitness import Score, Task, composite, proxies, score_all
from fitness.composite import Member
from spaces.errors import UsageError

__all__ = ["Fitness", "Minimised", "Objective", "ProxyFitness", "fitness_of"]


class Fitness(ABC):
    """Scores genotypes by named values; it is pickled once for each worker process."""

    needs_images: bool = False  # whether a score depends on a batch of images
    members: tuple[Member, ...] = ()  # of a composite, which the first population standardises
    of_proxies: bool = False  # whether the values are those of the proxies called `names`

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

    @abstractmethod
    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        """The values of each genotype by name, in order."""


@dataclass(frozen=True)
class ProxyFitness(Fitness):
    """A proxy, or a composite whose members are standardised by the first population."""

    name: str
    of_proxies = True

    @property
    def text(self) -> str:
        return self.name

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(self.name),)

    @property
    def names(self) -> tuple[str, ...]:
        return composite.names(self.name)

    @property
    def members(self) -> tuple[Member, ...]:  # type: ignore[override]
        return composite.parse(self.name) if composite.is_composite(self.name) else ()

    @property
    def needs_images(self) -> bool:  # type: ignore[override]
        return any(proxies[name].needs_images for name in self.names)

    def identity(self) -> dict[str, Any]:
        return {name: proxies[name].version for name in self.names}

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        return score_all(genotypes, self.names, task)


@dataclass(frozen=True)
class Minimised(Fitness):
    """Another fitness, of which less is better."""

    fitness: Fitness

    @property
    def text(self) -> str:
        return f"-{self.fitness.text}"

    @property
    def objectives(self) -> tuple[Objective, ...]:
        first, *others = self.fitness.objectives
        return (Objective(first.name, not first.maximise), *others)

    @property
    def names(self) -> tuple[str, ...]:
        return self.fitness.names

    @property
    def needs_images(self) -> bool:  # type: ignore[override]
        return self.fitness.needs_images

    @property
    def of_proxies(self) -> bool:  # type: ignore[override]
        return self.fitness.of_proxies

    def identity(self) -> dict[str, Any]:
        return self.fitness.identity()

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        return self.fitness.score(genotypes, task)


def fitness_of(text: str) -> Fitness:
    """The fitness that ``--proxy`` names; a minus sign stands before a value of which less is better.

    Raises `UsageError` for an unknown name or a malformed text.
    """
    name = text.removeprefix("-")
    fitness = ProxyFitness(composite.normal(name))
    if name == text:
        return fitness
    if fitness.members:
        raise UsageError(f"a composite is maximised: give its proxies negative weights instead of {text!r}")
    return Minimised(fitness)
