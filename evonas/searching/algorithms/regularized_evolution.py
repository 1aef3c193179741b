"""Regularised evolution: tournaments select parents, and the oldest members are removed.

Source: Real, Aggarwal, Huang, Le, "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019;
with ``children = 1`` exactly that, except that the tournament is drawn without replacement; with more children,
all children of a generation come from the same population.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from deap import base, tools
from numpy.random import Generator

from evonas.searching.algorithm import Algorithm, Birth, History
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.members import Member, member
from evonas.store.individual import Individual
from evonas.store.state import State


@dataclass(frozen=True)
class Options:
    """Sizes of the population, of a tournament, and of a generation."""

    population: int
    tournament: int
    children: int


def tournament(population: Sequence[Member], size: int, rng: Generator) -> Member:
    """The best of ``size`` members drawn without replacement."""
    drawn = rng.choice(len(population), size=size, replace=False)
    return tools.selBest([population[i] for i in drawn.tolist()], 1)[0]


@algorithms.register("regularized-evolution")
class RegularizedEvolution(Algorithm):
    """Each child is a mutation of a tournament winner; then the oldest members are removed."""

    Options = Options
    one_edit: ClassVar[bool] = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.toolbox = base.Toolbox()
        self.toolbox.register("random", self.admission.random, rng=self.rng)
        self.toolbox.register("mutate", self.admission.mutate, rng=self.rng)
        self.toolbox.register("select", self._tournament)
        self.population: list[Member] = []

    def ask(self) -> list[Birth]:
        if not self.population:
            return [Birth(self.toolbox.random()) for _ in range(self.options.population)]
        births = []
        for _ in range(self.options.children):
            parent = self.toolbox.select().individual
            births.append(Birth(self.toolbox.mutate(parent.genotype), (parent.birth,)))
        return births

    def tell(self, born: Sequence[Individual]) -> None:
        self.population = [*self.population, *map(self._member, born)][-self.options.population :]

    def alive(self) -> Sequence[int]:
        return [member.individual.birth for member in self.population]

    def load_state_dict(self, state: State, alive: Sequence[int], history: History) -> None:
        self.population = [self._member(individual) for individual in history.of(alive)]

    def _tournament(self) -> Member:
        return tournament(self.population, self.options.tournament, self.rng)

    def _member(self, individual: Individual) -> Member:
        return member(individual, self.objectives[:1])
