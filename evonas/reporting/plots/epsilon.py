"""Accuracy against epsilon."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from evonas.reporting.facts import TrainingFacts
from evonas.reporting.figures.robustness import curves
from evonas.reporting.plots.base import COLUMN, missing, plots


@plots.register("epsilon")
def epsilon(facts: TrainingFacts) -> Figure:
    """One line per attack, starting at the clean accuracy, with 95 % intervals over test images."""
    found = facts.evaluation
    if found is None:
        raise missing(facts, "attacked images", "evaluate")
    figure = Figure(figsize=(COLUMN, 2.3), layout="constrained")
    axes = figure.subplots()
    for curve in curves(found):
        spread = np.maximum([curve.accuracy - curve.low, curve.high - curve.accuracy], 0.0)
        axes.errorbar(
            curve.epsilons,
            curve.accuracy,
            spread,
            fmt="o-",
            ms=3,
            capsize=2,
            color=curve.colour,
            label=curve.name,
        )
    axes.set_xlabel("epsilon (1/255)")
    axes.set_ylabel("accuracy, %")
    axes.set_title("95 % intervals over test images", fontsize=8)
    axes.set_ylim(0, 100)
    axes.legend(loc="upper right")
    return figure
