"""An individual as DEAP handles it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from deap import base


class Maximised(base.Fitness):
    """One value to maximise; a missing value is less than any other."""

    weights = (1.0,)


@dataclass(frozen=True, eq=False)
class Individual:
    """A genotype and its score, once there is one. Immutable, so that copies share it."""

    birth: int
    generation: int
    parent: int | None
    genotype: Any
    canonical: str
    params: int
    flops: int
    fitness: base.Fitness = field(default_factory=Maximised)

    @property
    def score(self) -> float | None:
        return self.fitness.values[0] if self.fitness.valid else None

    def set_score(self, score: float | None) -> None:
        """Set the score; None leaves the fitness invalid, which never wins."""
        if score is not None:
            self.fitness.values = (score,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Individual:
        return self


def same_network(a: Individual, b: Individual) -> bool:
    """Whether both have the same canonical form."""
    return a.canonical == b.canonical
