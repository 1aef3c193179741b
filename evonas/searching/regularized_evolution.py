"""Regularised evolution: tournaments select parents, and the oldest members are removed.

Source: Real, Aggarwal, Huang, Le, "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019;
with ``children = 1`` exactly that, except that the tournament is drawn without replacement; with more children,
all children of a generation come from the same population.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evonas.searching.algorithm import Algorithm, Birth
from evonas.searching.algorithms import algorithms

if TYPE_CHECKING:
    from evonas.searching.individual import Individual


@algorithms.register("regularized-evolution")
class RegularizedEvolution(Algorithm):
    """Each child is a mutation of a tournament winner; then the oldest members are removed."""

    def children(self, population: Sequence[Individual]) -> list[Birth]:
        births = []
        for _ in range(self.settings.children or 1):
            parent = self.toolbox.select(population)
            births.append(Birth(self.toolbox.mutate(parent.genotype), parent.birth))
        return births

    def survivors(self, population: Sequence[Individual], children: Sequence[Individual]) -> list[Individual]:
        return [*population, *children][len(children) :]
