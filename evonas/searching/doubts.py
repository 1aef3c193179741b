"""What is doubtful about the first population of a search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evonas.store.individual import Individual
from evonas.store.objective import Objective


def constants(population: Sequence[Individual], objectives: Sequence[Objective]) -> Iterator[str]:
    """A sentence for each of several objectives that has one value for all of the population."""
    for objective in objectives if len(objectives) > 1 else ():
        values = [value for one in population if (value := one.values[objective.name]) is not None]
        if len(values) > 1 and len({*values}) == 1:
            yield (
                f"the objective {objective.name} is {values[0]:g} for the whole first population, so it does not "
                "influence the search"
            )
