"""Boosted trees that predict values, or ranks, with weights that favour the best individuals.

Source: the XGB and XGB + ranking baselines of Lukasik, Jung, Keuper, "Learning Where To Look - Generative NAS
is Surprisingly Efficient", ECCV 2022, with weighted retraining (Tripp et al. 2020). Their candidates come from
a generator, which learns the marginals of genes; here from the distribution of `eda` and mutations of the best.
Their ranking loss does not reach the trees; here it is the loss of the trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evonas.core.options import bounded
from evonas.searching.algorithm import Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import rank_weights
from evonas.searching.algorithms.eda import Eda
from evonas.searching.algorithms.eda import Options as EdaOptions
from evonas.searching.algorithms.surrogate import Surrogate
from evonas.searching.surrogates.boosting import Boosting, Loss
from evonas.store.individual import Individual

MAX_POINTS = 1000  # of a training, the latest


@dataclass(frozen=True)
class Options(EdaOptions):
    """``candidates`` compete by the prediction of the trees, half of them mutations of the ``parents`` best."""

    candidates: int = bounded(200, 1, 100_000)
    parents: int = bounded(10, 1, 10_000)
    loss: Literal["squared", "ranking"] = "squared"
    rounds: int = bounded(100, 1, 10_000)
    rate: float = bounded(0.1, 1e-6, 1)
    max_depth: int = bounded(4, 1, 64)


@algorithms.register("boosted")
class Boosted(Surrogate, Eda):
    """Asks for the candidates with the largest prediction; its trees weigh an individual by its rank."""

    Options = Options

    def candidates(self, scored: list[Individual], values: np.ndarray) -> list[Birth]:
        half = self.options.candidates // 2
        mutants = self.mutants(half, self.best(self.options.parents))
        return mutants + self.drawn(scored, values, self.options.candidates - half)

    def rate(self, codes: np.ndarray, values: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        codes, values = codes[-MAX_POINTS:], values[-MAX_POINTS:]
        options = self.options
        loss: Loss = options.loss
        trees = Boosting(loss, options.rounds, options.rate, options.max_depth, self.rng)
        return trees.fit(codes, values, rank_weights(values, options.weight)).predict(candidates)
