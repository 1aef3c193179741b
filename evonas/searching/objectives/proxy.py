"""A proxy or a composite as the fitness of a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evonas.searching.objectives.fitness import Fitness, Objective
from fitness import Score, Task, composite, proxies, score_all
from fitness.composite import Member


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
