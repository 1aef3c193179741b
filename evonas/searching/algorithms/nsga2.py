"""NSGA-II: selection by non-dominated fronts and crowding.

Source: Deb, Pratap, Agarwal, Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE
Transactions on Evolutionary Computation 6(2), 2002; non-dominated sorting and selection by DEAP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deap import tools
from deap.tools.emo import assignCrowdingDist

from evonas.core.options import bounded
from evonas.searching.algorithm import Birth, History
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import Archive, ArchiveOptions
from evonas.searching.algorithms.members import Member, member
from evonas.store.individual import Individual
from evonas.store.state import State


@dataclass(frozen=True)
class Options(ArchiveOptions):
    """``crossover`` is the probability of a child of two parents; every child is mutated."""

    population: int = 50
    children: int = 50
    crossover: float = bounded(0.9, 0, 1)


@algorithms.register("nsga2")
class Nsga2(Archive):
    """The best ``population`` of parents and children survive; parents win tournaments of two.

    A tournament is decided by the front, then by the crowding distance.

    Networks that were born before are not asked for again. An individual without a value is dominated by all
    others.
    """

    Options = Options
    several = True
    judged = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.population: list[Member] = []  # in order of birth
        self.front: dict[int, int] = {}  # of each member, by its birth
        self.parents: tuple[int, ...] = ()  # of the child that was proposed last

    def births(self) -> list[Birth]:
        found: list[Birth] = []
        for _ in range(self.options.children):
            genotypes = self.draw(1, self._child)
            if not genotypes:
                return found
            found.append(Birth(genotypes[0], self.parents))
        return found

    def _child(self) -> Any:
        first = self._parent()
        genotype, births = first.genotype, [first.birth]
        if self.rng.random() < self.options.crossover:
            second = self._parent()
            child = self.space.recombine(genotype, second.genotype, self.rng)
            if self.admission.admits(child):  # else it may have no neighbour that is admitted
                genotype, births = child, [first.birth, second.birth]
        self.parents = tuple(dict.fromkeys(births))
        return self.admission.mutate(genotype, self.rng)

    def _parent(self) -> Individual:
        """The winner of a tournament of two: of the better front, or of the less crowded region of one front."""
        a, b = (self.population[i] for i in self.rng.integers(len(self.population), size=2).tolist())
        if self.front[a.individual.birth] != self.front[b.individual.birth]:
            return min(a, b, key=lambda member: self.front[member.individual.birth]).individual
        return max(a, b, key=lambda member: member.fitness.crowding_dist).individual

    def tell(self, born: Sequence[Individual]) -> None:
        super().tell(born)
        members = [*self.population, *map(self._member, born)]
        valid = [member for member in members if member.fitness.valid]
        kept = tools.selNSGA2(valid, min(self.options.population, len(valid))) if valid else []
        rest = [member for member in members if not member.fitness.valid]
        self._live([*kept, *rest[: self.options.population - len(kept)]])

    def _live(self, members: Sequence[Member]) -> None:
        """Make ``members`` the population, with their fronts and crowding distances among themselves."""
        self.population = sorted(members, key=lambda member: member.individual.birth)
        valid = [member for member in self.population if member.fitness.valid]
        fronts = tools.sortNondominated(valid, len(valid)) if valid else []
        self.front = {}
        for rank, front in enumerate([*fronts, [one for one in self.population if not one.fitness.valid]]):
            assignCrowdingDist(front)
            self.front |= {member.individual.birth: rank for member in front}

    def _member(self, individual: Individual) -> Member:
        return member(individual, self.objectives)

    def alive(self) -> Sequence[int]:
        return [member.individual.birth for member in self.population]

    def load_state_dict(self, state: State, alive: Sequence[int], history: History) -> None:
        super().load_state_dict(state, alive, history)
        self._live([self._member(self.known[birth]) for birth in alive])
