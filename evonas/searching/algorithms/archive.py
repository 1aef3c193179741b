"""What algorithms share that know every individual so far and ask for no network twice."""

from __future__ import annotations

import heapq
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evonas.searching.algorithm import Algorithm, Birth, History
from evonas.store.individual import Individual
from evonas.store.state import State

MAX_DRAWS = 1000  # in a row that are known networks; then the space counts as exhausted

Judge = Callable[[Sequence[Individual]], Sequence[float | None]]  # larger is better, all births so far in order


@dataclass(frozen=True)
class ArchiveOptions:
    """The size of the random sample that begins a search, and of a generation after it."""

    population: int
    children: int


class Archive(Algorithm):
    """Begins with a random sample; then `births` proposes each generation from all individuals so far.

    The population is the best ``population`` individuals.
    """

    Options: ClassVar[type] = ArchiveOptions
    judged = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.judge: Judge | None = None  # in place of the first objective
        self.judgement: Sequence[float | None] = ()  # of `known`
        self.known: list[Individual] = []  # in order of birth
        self.networks: set[Any] = set()  # those born, and those just asked for

    @abstractmethod
    def births(self) -> list[Birth]:
        """The births of a generation after the first; none ends the search."""

    def ask(self) -> list[Birth]:
        self.networks = {self.network(individual.canonical) for individual in self.known}
        return self.births() if self.known else self.first()

    def first(self) -> list[Birth]:
        """The births of the first generation."""
        return self.random_births(self.options.population)

    def network(self, canonical: Any) -> Any:
        """What identifies a network that is not asked for twice: its canonical form."""
        return canonical

    def tell(self, born: Sequence[Individual]) -> None:
        self.known.extend(born)

    def alive(self) -> Sequence[int]:
        return sorted(individual.birth for individual in self.best(self.options.population))

    def load_state_dict(self, state: State, alive: Sequence[int], history: History) -> None:
        self.known = list(history)

    def random_births(self, count: int) -> list[Birth]:
        """Random genotypes of networks that are not known yet, fewer if hardly any are left."""
        return [Birth(genotype) for genotype in self.draw(count, lambda: self.admission.random(self.rng))]

    def draw(self, count: int, propose: Callable[[], Any]) -> list[Any]:
        """``count`` genotypes of networks not known yet; fewer if `MAX_DRAWS` proposals in a row are known."""
        found: list[Any] = []
        for _ in range(count):
            for _ in range(MAX_DRAWS):
                if self.is_new(genotype := propose()):
                    found.append(genotype)
                    break
            else:
                break
        return found

    def is_new(self, genotype: Any) -> bool:
        """Whether its network is not known yet; from then on it is."""
        network = self.network(self.space.canonical(genotype))
        if network in self.networks:
            return False
        self.networks.add(network)
        return True

    def value(self, individual: Individual) -> float | None:
        """The value of the first objective, negated if smaller is better, or else what `judge` says."""
        if self.judge is not None:
            if len(self.judgement) != len(self.known):
                self.judgement = self.judge(self.known)
            return self.judgement[individual.birth]
        gains = individual.gains(self.objectives[:1])
        return None if gains is None else gains[0]

    def scored(self) -> tuple[list[Individual], np.ndarray]:
        """The individuals that have a value, in order of birth, and these values, (N,)."""
        pairs = [(one, value) for one in self.known if (value := self.value(one)) is not None]
        return [one for one, _ in pairs], np.array([value for _, value in pairs], dtype=np.float64)

    def best(self, count: int) -> list[Individual]:
        """The ``count`` best individuals, best first, the earlier birth among equals; without a value last."""
        return heapq.nsmallest(count, self.known, key=self._order)

    def _order(self, individual: Individual) -> tuple[float, int]:
        value = self.value(individual)
        return (np.inf if value is None else -value), individual.birth


def rank_weights(values: Iterable[float], k: float) -> np.ndarray:
    """Weights ``w_i = 1 / (k N + rank_i)`` that sum to one; the best of N values has rank 0, ties share a rank.

    Source: Tripp, Daxberger, Hernández-Lobato, "Sample-Efficient Optimization in the Latent Space of Deep
    Generative Models via Weighted Retraining", NeurIPS 2020.
    """
    array = np.asarray(list(values), dtype=np.float64)
    ranks = np.searchsorted(np.sort(-array), -array)
    weights = 1.0 / (k * len(array) + ranks)
    return weights / weights.sum()
