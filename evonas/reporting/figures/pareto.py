"""Score against parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.reporting.facts import Facts

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Sizes:
    """Networks with a score, each once."""

    params: Series
    score: Series
    front: list[int]  # births of the Pareto front, from small to large
    front_params: Series
    front_score: Series
    winner: tuple[int, float, float] | None  # birth, params and score of the best network
    rho: float | None  # Spearman's, of score and params


def sizes(facts: Facts) -> Sizes | None:
    """The networks of a search; None before the first score."""
    births, winner = facts.births, facts.winner
    places, front = births.distinct(), births.front()
    if not len(places):
        return None
    params = births.params.astype(np.float64)
    return Sizes(
        params=params[places],
        score=births.score[places],
        front=front.tolist(),
        front_params=params[front],
        front_score=births.score[front],
        winner=(winner, float(params[winner]), float(births.score[winner]))
        if winner is not None and np.isfinite(births.score[winner])
        else None,
        rho=births.size_correlation(),
    )
