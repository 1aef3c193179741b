"""The history of a search: births as arrays, the lineage of the best network, operations in the population."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evonas.store.individual import Individual
from evonas.store.queries import Records
from spaces import spaces
from spaces.errors import EvonasError
from spaces.graph import differences

DISTINCT = 1000  # genotypes whose operations are kept, of a run that does not say its population
MOMENTS = 40  # maximum number of generations sampled for the composition of the population


class Step(NamedTuple):
    """One individual in the lineage of the best network."""

    individual: Individual
    edits: list[str]  # of its parent; none for the ancestor


@dataclass(frozen=True)
class Births:
    """All individuals in order of birth, as columns."""

    generation: NDArray[np.int64]
    parent: NDArray[np.int64]  # -1: drawn at random
    cached: NDArray[np.bool_]  # the same network as an earlier birth
    params: NDArray[np.int64]
    flops: NDArray[np.int64]
    score: NDArray[np.float64]  # NaN: none
    maximise: bool = True  # whether a larger score is better

    def __len__(self) -> int:
        return len(self.generation)

    @property
    def moments(self) -> NDArray[np.float64]:
        """The time of birth in generations: the first population before 0, generation g from g - 1 to g."""
        _, first, count = np.unique(self.generation, return_index=True, return_counts=True)
        rank = np.arange(len(self)) - np.repeat(first, count)
        return self.generation - 1 + (rank + 1) / np.repeat(count, count)

    def distinct(self) -> NDArray[np.intp]:
        """Indices of the first birth of every network with a score."""
        return np.flatnonzero(~self.cached & np.isfinite(self.score))

    def front(self) -> NDArray[np.intp]:
        """Indices of the Pareto front of params (minimised) and score, from small to large."""
        places, gain = self.distinct(), self._gain
        order = places[np.lexsort((-gain[places], self.params[places]))]
        best = np.maximum.accumulate(gain[order]) if len(order) else np.empty(0)
        return order[np.concatenate(([True], best[1:] > best[:-1]))] if len(order) else order

    @property
    def _gain(self) -> NDArray[np.float64]:
        """The score, of which more is better."""
        return self.score if self.maximise else -self.score

    def best_so_far(self) -> NDArray[np.float64]:
        """The best score up to each birth, infinite before the first one."""
        best = np.maximum.accumulate(np.where(np.isfinite(self.score), self._gain, -np.inf))
        return best if self.maximise else -best

    def size_correlation(self) -> float | None:
        """Spearman's rho of score and params over the distinct networks; None if undefined."""
        from scipy.stats import rankdata

        places = self.distinct()
        if len(places) < 3:
            return None
        x, y = rankdata(self.score[places]), rankdata(self.params[places])
        return None if x.std() == 0 or y.std() == 0 else float(np.corrcoef(x, y)[0, 1])


def births(store: Records) -> Births:
    """Every individual of a run."""
    rows = np.array(store.numbers(), dtype=np.int64).reshape(-1, 5)
    generation, parent, cached, params, flops = rows.T.copy()
    score = np.full(len(rows), np.nan)
    scored = np.array(store.scores(), dtype=np.float64).reshape(-1, 2)
    scored = scored[scored[:, 0] < len(rows)]  # a running search may have advanced
    score[scored[:, 0].astype(np.intp)] = scored[:, 1]
    return Births(generation, parent, cached.astype(bool), params, flops, score, store.objective.maximise)


def lineage(store: Records, birth: int, known: Births) -> list[Step]:
    """From the random ancestor of the individual ``birth`` to itself, each step with its edit.

    Raises `EvonasError` if a parent is born after its child.
    """
    chain = [birth]
    while (parent := int(known.parent[chain[-1]])) >= 0:
        if parent >= chain[-1]:
            raise EvonasError(f"{store.path} is damaged: birth {chain[-1]} comes before its parent {parent}")
        chain.append(parent)
    chain.reverse()
    space, born = spaces[store.settings.space], store.individuals_of(chain)
    graphs = [space.graphs(one.genotype) for one in born]
    edits = [[], *(differences(*pair) for pair in pairwise(graphs))]
    return [Step(*pair) for pair in zip(born, edits, strict=True)]


@dataclass(frozen=True)
class Operations:
    """The share of each operation among the edges of the population, (moments, operations)."""

    generations: list[int]
    names: list[str]
    shares: NDArray[np.float64]


def operations(store: Records, known: Births) -> Operations:
    """Shares of the operations in the population after each generation, or after `MOMENTS` of many."""
    space, size = spaces[store.settings.space], store.settings.population or DISTINCT
    present = np.unique(known.generation)
    places = np.linspace(0, len(present) - 1, min(MOMENTS, len(present))).round().astype(int)
    picked = [int(generation) for generation in present[np.unique(places)]]

    @lru_cache(maxsize=4 * size)
    def counted(text: str) -> Counter[str]:
        return Counter(arrow.operation for graph in space.graphs(space.parse(text)) for arrow in graph.arrows)

    totals: list[Counter[str]] = []
    for generation in picked:
        alive = store.genotypes(store.alive(generation))
        totals.append(sum((counted(text) for text in alive.values()), Counter()))
    names = sorted({name for total in totals for name in total})
    counts = np.array([[total[name] for name in names] for total in totals], dtype=np.float64)
    return Operations(picked, names, counts / counts.sum(1, keepdims=True) if len(names) else counts)
