"""A search for expensive fitness: a Gaussian process over what a genotype's live paths compute.

Our own. Its distance is that of `PathStatistics`, a few numbers in which cells that compute alike are close, so
that a few dozen values tell which direction is better, also where the best cells are not the large ones, as
under strong attacks. It was tuned on 12 columns of a table of NAS-Bench-201; docs/algorithms.md says what it
reaches on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from evonas.core.options import bounded
from evonas.searching.algorithm import Birth, History
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import ArchiveOptions
from evonas.searching.algorithms.surrogate import Surrogate, best_and_latest
from evonas.searching.surrogates.gaussian_process import GaussianProcess, euclidean, expected_improvement
from evonas.searching.surrogates.paths import PathStatistics
from evonas.store.individual import Individual
from evonas.store.state import State
from spaces import Space

LENGTHS = (1.0, 2.0, 4.0, 8.0)  # of the kernel, in standard deviations of a random genotype's numbers
REFERENCE = 500  # random genotypes that the numbers are standardised by
LARGE = 20  # one of so many random genotypes is large
MAX_POINTS = 1000


@dataclass(frozen=True)
class Options(ArchiveOptions):
    """``candidates`` random genotypes compete with the neighbours of the ``parents`` best."""

    population: int = 10
    children: int = 5
    candidates: int = bounded(8000, 1, 100_000)
    parents: int = bounded(5, 0, 1000)


@algorithms.register("guided")
class Guided(Surrogate):
    """Begins with as many large genotypes as random ones; then asks for the largest expected improvement.

    Values v are warped to ``-log(1 + (v_max - v) / q)`` with q the 60th percentile of ``v_max - v``, so that
    differences among the best count most.
    """

    Options = Options

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.paths, self.centre, self.spread = _standard(self.space)
        self.seed = 0  # of the pool
        self.pool: dict[str, Any] = {}

    def network(self, canonical: Any) -> str:
        """Its isomorphism class, since isomorphic cells have equal numbers."""
        return self.space.key(canonical)

    def first(self) -> list[Birth]:
        self.seed = int(self.rng.integers(2**32))
        count = self.options.population
        drawn = self.draw(max(count, LARGE * (count // 2)), lambda: self.admission.random(self.rng))
        size = self.space.default_size()
        by_size = sorted(range(len(drawn)), key=lambda i: -self.space.params(drawn[i], size))
        large = by_size[: count // 2]
        others = [index for index in range(len(drawn)) if index not in large][: count - len(large)]
        return [Birth(drawn[index]) for index in (*large, *others)]

    def candidates(self, scored: list[Individual], values: np.ndarray) -> list[Birth]:
        found = []
        for parent in self.best(self.options.parents):
            neighbours = filter(self.admission.admits, self.space.neighbours(parent.genotype))
            found += [Birth(genotype, (parent.birth,)) for genotype in neighbours if self.is_new(genotype)]
        self.pool = self.pool or self._drawn_pool()
        return found + [Birth(genotype) for key, genotype in self.pool.items() if key not in self.networks]

    def _drawn_pool(self) -> dict[str, Any]:
        """Random genotypes by network, the same ones throughout the search."""
        rng = np.random.default_rng(self.seed)
        drawn = (self.admission.random(rng) for _ in range(self.options.candidates))
        return {self.space.key(genotype): genotype for genotype in drawn}

    def state_dict(self) -> State:
        return {"seed": self.seed}

    def load_state_dict(self, state: State, alive: Sequence[int], history: History) -> None:
        super().load_state_dict(state, alive, history)
        self.seed = state["seed"]

    def rate(self, codes: np.ndarray, values: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        kept = best_and_latest(values, MAX_POINTS)
        warped = warp(values[kept])
        process = GaussianProcess.fit(codes[kept], warped, euclidean, LENGTHS)
        return expected_improvement(*process.predict(candidates), float(warped.max()))

    def codes(self, genotypes: list[Any]) -> np.ndarray:
        """Their path statistics in standard deviations of random genotypes, (N, d)."""
        raw = np.stack([self.paths.of(genotype) for genotype in genotypes])
        return (raw - self.centre) / self.spread


@lru_cache(maxsize=8)
def _standard(space: Space) -> tuple[PathStatistics, np.ndarray, np.ndarray]:
    """The statistics of a space, with their mean and standard deviation over random genotypes, (d,) each."""
    paths, rng = PathStatistics(space), np.random.default_rng(0)
    sample = np.stack([paths.of(space.random(rng)) for _ in range(REFERENCE)])  # (REFERENCE, d)
    spread = sample.std(axis=0)
    return paths, sample.mean(axis=0), np.where(spread > 0, spread, np.inf)


def warp(values: np.ndarray) -> np.ndarray:
    """``-log(1 + (v_max - v) / q)`` with q the 60th percentile of ``v_max - v``, (N,) to (N,)."""
    below = values.max() - values
    return -np.log1p(below / (np.percentile(below, 60) or 1.0))
