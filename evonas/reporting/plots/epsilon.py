"""Accuracy against epsilon."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from evonas.reporting.colours import attack_colour
from evonas.reporting.html.facts import TrainingFacts
from evonas.reporting.plots.base import COLUMN, missing, plots


@plots.register("epsilon")
def epsilon(facts: TrainingFacts) -> Figure:
    """One line per attack, starting at the clean accuracy, with 95 % intervals."""
    found = facts.evaluation
    if found is None:
        raise missing(facts, "attacked images", "evaluate")
    figure = Figure(figsize=(COLUMN, 2.3), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(found.attacks):
        points = found.against_epsilon(name)
        shares = 100 * np.array([rate.accuracy for _, rate in points])
        ends = 100 * np.array([rate.interval for _, rate in points]).T
        spread = np.maximum([shares - ends[0], ends[1] - shares], 0.0)
        axes.errorbar(
            [epsilon for epsilon, _ in points],
            shares,
            spread,
            fmt="o-",
            ms=3,
            capsize=2,
            color=attack_colour(place),
            label=name,
        )
    axes.set_xlabel("epsilon (1/255)")
    axes.set_ylabel("accuracy, %")
    axes.set_ylim(0, 100)
    axes.legend(loc="upper right")
    return figure
