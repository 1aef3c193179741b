"""The Pareto front of several objectives."""

from __future__ import annotations

from matplotlib.figure import Figure

from evonas.reporting.facts import Facts, TrainingFacts
from evonas.reporting.figures.front import planes
from evonas.reporting.plots.base import COLUMN, missing, plots
from spaces.errors import UsageError


@plots.register("front")
def front(facts: TrainingFacts) -> Figure:
    """The first objective against each of the others."""
    if not isinstance(facts, Facts) or len(facts.summary.objectives) < 2:
        raise UsageError(
            f"{facts.path} was not searched with several --objectives; --what pareto, cells or history"
        )
    found = planes(facts)
    if not found:
        raise missing(facts, "front", "resume")
    figure = Figure(figsize=(COLUMN, 2.3 * len(found)), layout="constrained")
    for axes, plane in zip(figure.subplots(len(found), squeeze=False)[:, 0], found, strict=True):
        axes.plot(plane.x, plane.y, ".", ms=2, color="#8796a6", alpha=0.5, rasterized=True)
        _, x, y = zip(*plane.front, strict=True)
        axes.plot(x, y, ".-" if plane.whole else ".", ms=4, color="#0d8050", label="Pareto front")
        axes.plot(*plane.headline[1:], "o", mfc="none", color="k", label=plane.picked_by)
        axes.set_xlabel(plane.x_name)
        axes.set_ylabel(plane.y_name)
    figure.axes[0].legend(loc="best")
    return figure
