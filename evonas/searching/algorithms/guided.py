"""A search for expensive fitness: Gaussian processes over what a genotype's live paths compute.

Our own. Its distance is that of `PathStatistics` and `LabelHistogram`, in which cells that compute alike are
close, so that a few dozen values tell which direction is better, also where the best cells are not the large
ones, as under strong attacks. It was tuned on half of the columns of a table of NAS-Bench-201;
docs/algorithms.md says what it reaches on the other half.
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
from evonas.searching.surrogates.labels import LabelHistogram
from evonas.searching.surrogates.paths import PathStatistics
from evonas.store.individual import Individual
from evonas.store.state import State
from spaces import Space

LENGTHS = (1.0, 2.0, 4.0, 8.0)  # of the kernel, in standard deviations of a random genotype's numbers
REFERENCE = 500  # random genotypes that the numbers are standardised by
SPREAD = 200  # random genotypes from which the first ones are chosen
MAX_POINTS = 1000


@dataclass(frozen=True)
class Options(ArchiveOptions):
    """``candidates`` random genotypes compete with the neighbours of the ``parents`` best."""

    population: int = 10
    children: int = 3
    candidates: int = bounded(8000, 1, 100_000)
    parents: int = bounded(5, 0, 1000)


@algorithms.register("guided")
class Guided(Surrogate):
    """Begins with genotypes far from each other; then asks for the largest expected improvement.

    The first one is large. Each next one of the first population is the farthest from those before it.

    Values v are warped to ``-log(1 + (v_max - v) / q)`` with q the 60th percentile of ``v_max - v``, so that
    differences among the best count most.
    """

    Options = Options

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.standard = _standard(self.space)
        self.seed = 0  # of the pool
        self.pool: dict[str, Any] = {}

    def network(self, canonical: Any) -> str:
        """Its isomorphism class, since isomorphic cells have equal numbers."""
        return self.space.key(canonical)

    def first(self) -> list[Birth]:
        self.seed = int(self.rng.integers(2**32))
        drawn = self.draw(max(self.options.population, SPREAD), lambda: self.admission.random(self.rng))
        size = self.space.default_size()
        largest = max(range(len(drawn)), key=lambda i: self.space.params(drawn[i], size))
        chosen = far_apart(self.standard.paths_of(drawn), largest, self.options.population)
        return [Birth(drawn[index]) for index in chosen]

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
        found = np.zeros(len(candidates))
        for share, process in GaussianProcess.mixture(codes[kept], warped, euclidean, LENGTHS):
            found += share * expected_improvement(*process.predict(candidates), float(warped.max()))
        return found

    def codes(self, genotypes: list[Any]) -> np.ndarray:
        """Path statistics and label histograms in the units of random genotypes, (N, d)."""
        return np.hstack([self.standard.paths_of(genotypes), self.standard.labels_of(genotypes)])


@dataclass(frozen=True)
class Standard:
    """The numbers of genotypes of a space in units of those of random ones.

    Path statistics are in standard deviations; the squared distances of label histograms are on average as large.
    """

    paths: PathStatistics
    labels: LabelHistogram
    centre: np.ndarray  # of the path statistics, (d,)
    spread: np.ndarray  # (d,)
    scale: float  # of the histograms

    def paths_of(self, genotypes: list[Any]) -> np.ndarray:
        """(N, d)."""
        return (np.stack([self.paths.of(genotype) for genotype in genotypes]) - self.centre) / self.spread

    def labels_of(self, genotypes: list[Any]) -> np.ndarray:
        """(N, d)."""
        return np.stack([self.labels.of(genotype) for genotype in genotypes]).astype(np.float64) * self.scale


@lru_cache(maxsize=8)
def _standard(space: Space) -> Standard:
    paths, labels, rng = PathStatistics(space), LabelHistogram(space), np.random.default_rng(0)
    sample = [space.random(rng) for _ in range(REFERENCE)]
    numbers = np.stack([paths.of(genotype) for genotype in sample])  # (REFERENCE, d)
    counts = np.stack([labels.of(genotype) for genotype in sample]).astype(np.float64)
    spread = numbers.std(axis=0)
    squared = counts.var(axis=0).sum()  # mean squared distance from the mean; that of the others is a count
    scale = np.sqrt((spread > 0).sum() / squared) if squared > 0 else 0.0
    return Standard(paths, labels, numbers.mean(axis=0), np.where(spread > 0, spread, np.inf), float(scale))


def far_apart(points: np.ndarray, first: int, count: int) -> list[int]:
    """The rows of ``points`` (N, d) that begin with ``first``, each next one farthest from those before it.

    Source: Gonzalez, "Clustering to Minimize the Maximum Intercluster Distance", 1985.
    """
    chosen = [first]
    nearest = euclidean(points, points[[first]])[:, 0]
    while len(chosen) < min(count, len(points)):
        nearest[chosen] = -1.0
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, euclidean(points, points[[chosen[-1]]])[:, 0])
    return chosen


def warp(values: np.ndarray) -> np.ndarray:
    """``-log(1 + (v_max - v) / q)`` with q the 60th percentile of ``v_max - v``, (N,) to (N,)."""
    below = values.max() - values
    return -np.log1p(below / (np.percentile(below, 60) or 1.0))
