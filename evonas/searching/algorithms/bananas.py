"""BANANAS: an ensemble of perceptrons predicts values, Thompson sampling chooses among mutations of the best.

Source: White, Neiswanger, Savani, "BANANAS: Bayesian Optimization with Neural Architectures for Neural
Architecture Search", AAAI 2021. The encoding is one-hot instead of truncated paths, which collide. Schneider et
al., "Mutation is all you need", 2021, find that the candidates matter more than encoding and surrogate:
``surrogate=constant`` is their ablation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evonas.core.options import bounded
from evonas.searching.algorithm import Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import ArchiveOptions
from evonas.searching.algorithms.surrogate import Surrogate
from evonas.searching.surrogates.mlp import Ensemble, Training
from evonas.store.individual import Individual

MAX_POINTS = 1000  # of a training, the latest


@dataclass(frozen=True)
class Options(ArchiveOptions):
    """``candidates`` are mutations of the ``parents`` best, up to ``edits`` edits away."""

    population: int = 10
    children: int = 10
    candidates: int = bounded(100, 1, 100_000)
    parents: int = bounded(5, 1, 10_000)
    edits: int = bounded(2, 1, 100)
    surrogate: Literal["ensemble", "constant"] = "ensemble"


@algorithms.register("bananas")
class Bananas(Surrogate):
    """Draws a value of every candidate from the ensemble's normal distribution, and asks for the largest."""

    Options = Options

    def candidates(self, scored: list[Individual], values: np.ndarray) -> list[Birth]:
        return self.mutants(self.options.candidates, self.best(self.options.parents), self.options.edits)

    def rate(self, codes: np.ndarray, values: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        if self.options.surrogate == "constant":
            return self.rng.random(len(candidates))
        ensemble = Ensemble(Training(), self.rng).fit(codes[-MAX_POINTS:], values[-MAX_POINTS:])
        predictions = ensemble.predict(candidates)  # (K, M)
        return self.rng.normal(predictions.mean(axis=0), predictions.std(axis=0))
