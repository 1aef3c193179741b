"""Gradient boosting of regression trees with weights, for values or for ranks."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from scipy.special import expit

Loss = Literal["squared", "ranking"]


class Boosting:
    """A sum of trees. ``squared`` minimises ``sum_i w_i (y_i - f_i)^2``, ``ranking`` the pairwise logistic loss

    ``sum over y_i > y_j of w_i w_j log(1 + exp(f_j - f_i))``, whose gradient the trees follow.

    Source: Friedman, "Greedy Function Approximation", 2001; Burges et al., "Learning to Rank using Gradient
    Descent", ICML 2005, with the Newton steps of Burges, "From RankNet to LambdaRank to LambdaMART", 2010.
    """

    def __init__(
        self,
        loss: Loss = "squared",
        rounds: int = 100,
        rate: float = 0.1,
        depth: int = 4,
        rng: Generator | None = None,
    ) -> None:
        self.loss, self.rounds, self.rate, self.depth = loss, rounds, rate, depth
        self.rng = rng if rng is not None else np.random.default_rng(0)
        self.base = 0.0
        self.trees: list[Any] = []

    def fit(self, codes: np.ndarray, values: np.ndarray, weights: np.ndarray) -> Boosting:
        """Grow the trees for ``codes`` (N, D), ``values`` (N,) and positive ``weights`` (N,)."""
        from sklearn.tree import DecisionTreeRegressor

        weights = weights / weights.mean()
        targets = (values - values.mean()) / (values.std() or 1.0)
        self.base = float(np.average(targets, weights=weights)) if self.loss == "squared" else 0.0
        found = np.full(len(values), self.base)
        better = (targets[:, None] > targets) * weights[:, None] * weights  # (N, N), weight of i above j
        for _ in range(self.rounds):
            if self.loss == "squared":
                steps, weight = targets - found, weights
            else:
                doubt = expit(found - found[:, None])  # (N, N), probability that j is above i
                pull, bend = better * doubt, better * doubt * (1 - doubt)
                weight = bend.sum(axis=1) + bend.sum(axis=0) + 1e-9
                steps = np.clip((pull.sum(axis=1) - pull.sum(axis=0)) / weight, -4, 4)
            tree = DecisionTreeRegressor(max_depth=self.depth, random_state=int(self.rng.integers(2**31)))
            tree.fit(codes, steps, sample_weight=weight)
            self.trees.append(tree)
            found = found + self.rate * tree.predict(codes)
        return self

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """The sum of the trees, (N, D) to (N,); for ``ranking`` its order alone has a meaning."""
        return self.base + self.rate * sum(tree.predict(codes) for tree in self.trees)
