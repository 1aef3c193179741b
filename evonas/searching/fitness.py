"""What a search maximises: an object that an engine maps over genotypes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from fitness import Score, Task, composite, proxies, score_all


class Objective(NamedTuple):
    """One value of an individual that a search maximises or minimises."""

    name: str
    maximise: bool = True


class Fitness(Protocol):
    """Scores genotypes by named values; it is pickled once for each worker process."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is maximised; the first one is the headline."""

    @property
    def names(self) -> tuple[str, ...]:
        """The values that `score` computes: the objectives, or the members of a composite."""

    @property
    def needs_images(self) -> bool:
        """Whether a score depends on a batch of images."""

    def identity(self) -> dict[str, Any]:
        """Everything except genotype and task that a kept value depends on, as JSON: versions, digests."""

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        """The values of each genotype by name, in order."""


@dataclass(frozen=True)
class ProxyFitness:
    """A proxy, or a composite whose members are standardised by the first population."""

    text: str

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(self.text),)

    @property
    def names(self) -> tuple[str, ...]:
        return composite.names(self.text)

    @property
    def needs_images(self) -> bool:
        return any(proxies[name].needs_images for name in self.names)

    def identity(self) -> dict[str, Any]:
        return {name: proxies[name].version for name in self.names}

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        return score_all(genotypes, self.names, task)


def fitness_of(text: str) -> Fitness:
    """The fitness that ``--proxy`` names."""
    return ProxyFitness(text)
