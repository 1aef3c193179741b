"""Scores by generation: all births, the best so far, mean and standard deviation of the population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.reporting.facts import Facts

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Times are in generations; the first population is born before 0."""

    at: Series  # births with a score
    score: Series
    lost: int  # births without one
    generations: Series  # of the population
    mean: Series
    std: Series
    every: Series  # all births
    best: Series  # the best score up to each of them; NaN before the first score
    last: int  # generation
    winner: tuple[int, float, float] | None  # birth, time and score of the best network

    @property
    def rises(self) -> NDArray[np.intp]:
        """Indices in ``every`` of the births that were better than all before them."""
        known = np.isfinite(self.best)
        return np.flatnonzero(np.concatenate(([True], self.best[1:] != self.best[:-1])) & known)


def scores(facts: Facts) -> Scores | None:
    """The series of a search; None before the first score."""
    births, every = facts.births, facts.births.moments
    finite = np.isfinite(births.score)
    if not finite.any():
        return None
    rows = [row for row in facts.summary.history if row.mean is not None and row.std is not None]
    best, winner = births.best_so_far(), facts.winner
    return Scores(
        at=every[finite],
        score=births.score[finite],
        lost=int((~finite).sum()),
        generations=np.array([row.generation for row in rows], dtype=np.float64),
        mean=np.array([row.mean for row in rows], dtype=np.float64),
        std=np.array([row.std for row in rows], dtype=np.float64),
        every=every,
        best=np.where(np.isfinite(best), best, np.nan),
        last=max(int(births.generation.max()), 1),
        winner=(winner, float(every[winner]), float(births.score[winner]))
        if winner is not None and finite[winner]
        else None,
    )
