"""Bayesian optimisation with an exact Gaussian process over the operations of the edges.

Source: the naszilla and NAS-BOT line of work (Kandasamy et al., NeurIPS 2018) with the Hamming distance of
edges as the distance of architectures; expected improvement of Jones, Schonlau, Welch 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evonas.core.options import bounded
from evonas.searching.algorithm import Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import ArchiveOptions
from evonas.searching.algorithms.surrogate import Surrogate, best_and_latest
from evonas.searching.surrogates.gaussian_process import GaussianProcess, expected_improvement, hamming
from evonas.store.individual import Individual

LENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 10.0, 20.0)  # of the kernel, in edits
MAX_POINTS = 1000  # of the exact process: the best half and the latest half of more


@dataclass(frozen=True)
class Options(ArchiveOptions):
    """``candidates`` compete by expected improvement, half of them mutations of the ``parents`` best."""

    population: int = 10
    children: int = 10
    candidates: int = bounded(200, 1, 100_000)
    parents: int = bounded(10, 1, 10_000)
    edits: int = bounded(2, 1, 100)


@algorithms.register("gp")
class Gp(Surrogate):
    """Asks for the candidates with the largest expected improvement."""

    Options = Options

    def candidates(self, scored: list[Individual], values: np.ndarray) -> list[Birth]:
        half = self.options.candidates // 2
        mutants = self.mutants(half, self.best(self.options.parents), self.options.edits)
        return mutants + self.random_births(self.options.candidates - half)

    def rate(self, codes: np.ndarray, values: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        kept = best_and_latest(values, MAX_POINTS)
        process = GaussianProcess.fit(codes[kept], values[kept], hamming, LENGTHS)
        return expected_improvement(*process.predict(candidates), float(values.max()))
