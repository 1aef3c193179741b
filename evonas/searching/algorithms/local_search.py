"""Local search: moves to the first neighbour that is better, and starts again at a local optimum.

Source: White, Nolen, Savani, "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evonas.searching.algorithm import Birth, History
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import Archive, ArchiveOptions
from evonas.store.individual import Individual
from evonas.store.state import State


@dataclass(frozen=True)
class Options(ArchiveOptions):
    """The number of starts to choose from, and of neighbours tried at once."""

    population: int = 10
    children: int = 1


@algorithms.register("local-search")
class LocalSearch(Archive):
    """Each generation tries ``children`` neighbours of the incumbent; the best one replaces it if it is better.

    Neighbours are tried in random order. The incumbent is the best of ``population`` random genotypes; once no
    neighbour is left, ``population`` new ones are drawn. Known networks are not tried again. With ``children = 1``
    this is the first improvement of the source.
    """

    Options = Options

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.incumbent: int | None = None  # its birth; None while a start is drawn
        self.order = 0  # seed of the order of its neighbours
        self.tried = 0  # of its neighbours

    def first(self) -> list[Birth]:
        return self.births()

    def births(self) -> list[Birth]:
        found: list[Birth] = []
        if self.incumbent is not None:
            parent = self.known[self.incumbent]
            neighbours = self.space.neighbours(parent.genotype)
            order = np.random.default_rng(self.order).permutation(len(neighbours)).tolist()
            for index in order[self.tried :]:
                self.tried += 1
                genotype = neighbours[index]
                if self.admission.admits(genotype) and self.is_new(genotype):
                    found.append(Birth(genotype, (parent.birth,)))
                if len(found) == self.options.children:
                    break
        if not found:  # a local optimum
            self.incumbent = None
            found = self.random_births(self.options.population)
        return found

    def tell(self, born: Sequence[Individual]) -> None:
        super().tell(born)
        before = None if self.incumbent is None else self.value(self.known[self.incumbent])
        for individual in born:
            value = self.value(individual)
            if value is not None and (before is None or value > before):
                self.incumbent, self.tried, before = individual.birth, 0, value
                self.order = int(self.rng.integers(2**32))

    def state_dict(self) -> State:
        return {"incumbent": self.incumbent, "order": self.order, "tried": self.tried}

    def load_state_dict(self, state: State, alive: Sequence[int], history: History) -> None:
        super().load_state_dict(state, alive, history)
        self.incumbent, self.order, self.tried = state["incumbent"], state["order"], state["tried"]
