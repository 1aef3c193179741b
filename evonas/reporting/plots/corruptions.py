"""The corruption table."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from evonas.reporting.facts import TrainingFacts
from evonas.reporting.figures.corruptions import corrupted
from evonas.reporting.plots.base import COLUMN, missing, plots


@plots.register("corruptions")
def corruptions(facts: TrainingFacts) -> Figure:
    """A heat map of accuracy in percent, corruptions by severity."""
    found = corrupted(facts)
    if found is None:
        raise missing(facts, "corrupted images", "evaluate")
    table = 100 * np.array(list(found.table.values()), dtype=np.float64)
    clean = 100 * found.clean
    figure = Figure(figsize=(COLUMN, 0.6 + 0.2 * len(table)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(table, cmap="Blues", vmin=0, vmax=max(clean, 1e-9), aspect="auto")
    for (i, j), value in np.ndenumerate(table):
        axes.text(
            j, i, f"{value:.1f}", ha="center", va="center", size=6.5, color="w" if value > 0.55 * clean else "k"
        )
    axes.set_xticks(range(table.shape[1]), [str(severity) for severity in found.severities])
    axes.set_yticks(range(len(table)), list(found.table))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("severity")
    axes.set_title(f"accuracy, %; clean {clean:.1f}, mean {100 * found.mean:.1f}", loc="left")
    return figure
