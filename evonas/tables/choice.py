"""What choosing architectures by a score would have given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evonas.tables.statistics import Floats
from evonas.tables.targets import Target

CHOSEN = 10  # best-scored architectures whose accuracies are reported


def choice(
    score: Floats,
    rows: Sequence[int],
    targets: Sequence[Target],
    accuracies: Mapping[str, Floats],
    harmonic: Mapping[str, Floats],
) -> dict[str, Any]:
    """The result of selecting architectures by their score, for each target.

    ``accuracy`` is the mean of the ten best-scored architectures of the sample, as a fraction (``value`` without
    conversion if it is not an accuracy); ``percentile`` the share of the table's rows that it beats, in percent;
    ``distance`` what the best row of the table is better by; ``hrs``, ``hrs_percentile`` and ``hrs_distance`` the
    same of the harmonic robustness score.
    """
    order = [i for i in np.argsort(-score, kind="stable") if np.isfinite(score[i])][:CHOSEN]
    if not order:
        return dict.fromkeys(accuracies)
    best = [rows[i] for i in order]
    found: dict[str, Any] = {}
    for target in targets:
        name = "accuracy" if target.is_accuracy else "value"
        column = accuracies[target.name]
        found[target.name] = _standing(column, best, name, "percentile", "distance", target.sign)
        if target.name in harmonic:
            column = harmonic[target.name]
            found[target.name] |= _standing(column, best, "hrs", "hrs_percentile", "hrs_distance")
    return found


def _standing(
    column: Floats, best: Sequence[int], value: str, percentile: str, distance: str, sign: int = 1
) -> dict[str, float]:
    mean = float(column[list(best)].mean())
    return {
        value: mean,
        percentile: 100 * float((sign * column < sign * mean).mean()),
        distance: float((sign * column).max()) - sign * mean,
    }
