"""The corruption table."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from evonas.reporting.html.facts import TrainingFacts
from evonas.reporting.plots.base import COLUMN, missing, plots


@plots.register("corruptions")
def corruptions(facts: TrainingFacts) -> Figure:
    """A heat map of accuracy in percent, corruptions by severity."""
    if facts.evaluation is None or (found := facts.evaluation.corruptions) is None or not found.table:
        raise missing(facts, "corrupted images", "evaluate")
    table = 100 * np.array(list(found.table.values()), dtype=np.float64)
    clean = 100 * facts.evaluation.clean.accuracy
    figure = Figure(figsize=(COLUMN, 0.6 + 0.2 * len(table)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(table, cmap="Blues", vmin=0, vmax=max(clean, 1e-9), aspect="auto")
    for (i, j), value in np.ndenumerate(table):
        axes.text(
            j, i, f"{value:.1f}", ha="center", va="center", size=6.5, color="w" if value > 0.55 * clean else "k"
        )
    axes.set_xticks(range(table.shape[1]), [str(severity + 1) for severity in range(table.shape[1])])
    axes.set_yticks(range(len(table)), [name.replace("_", " ") for name in found.table])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("severity")
    axes.set_title(f"accuracy, %; clean {clean:.1f}, mean {100 * found.mean:.1f}", loc="left")
    return figure
