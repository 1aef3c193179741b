"""Members of a population as DEAP selects them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from deap import base

from evonas.store.individual import Individual
from evonas.store.objective import Objective


class Member(NamedTuple):
    """An individual with its gains as DEAP's fitness; a missing one is worse than any other."""

    individual: Individual
    fitness: base.Fitness


def member(individual: Individual, objectives: Sequence[Objective]) -> Member:
    """The member of an individual by some objectives."""
    fitness, gains = _kind(len(objectives))(), individual.gains(objectives)
    if gains is not None:
        fitness.values = gains
    return Member(individual, fitness)


@lru_cache
def _kind(count: int) -> type[base.Fitness]:
    """The fitness of ``count`` values, of which more is better."""
    return type("Gains", (base.Fitness,), {"weights": (1.0,) * count})
