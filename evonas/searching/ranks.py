"""Judges individuals by their ranks among all individuals so far.

Source: the joint rule of Lukasik, Jung, Keuper, "Learning Where To Look - Generative NAS is Surprisingly
Efficient", ECCV 2022, for accuracy and latency; here for any number of objectives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evonas.store.individual import Individual
from evonas.store.objective import Objective


def rank_sums(gains: Sequence[NDArray[np.float64]]) -> NDArray[np.intp]:
    """The sum of the ranks by each of ``gains`` (N,), of which more is better; shape (N,).

    Ranks begin with 1 for the best; equal numbers share the better rank.
    """
    return np.sum([np.searchsorted(np.sort(-one), -one) + 1 for one in gains], axis=0, dtype=np.intp)


class Joint:
    """Minus the sum of the ranks by each objective; None for an individual that lacks one of their values."""

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self.objectives = tuple(objectives)

    def __call__(self, known: Sequence[Individual]) -> list[float | None]:
        gains = [one.gains(self.objectives) for one in known]
        complete = np.array([found for found in gains if found is not None], dtype=np.float64)  # (M, objectives)
        worths = iter((-rank_sums([*complete.T])).tolist() if len(complete) else ())
        return [None if found is None else float(next(worths)) for found in gains]
