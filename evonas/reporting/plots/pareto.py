"""Score against params."""

from __future__ import annotations

from matplotlib.figure import Figure

from evonas.reporting.facts import Facts, TrainingFacts
from evonas.reporting.figures.pareto import sizes
from evonas.reporting.plots.base import COLUMN, missing, plots
from spaces.errors import UsageError


@plots.register("pareto")
def pareto(facts: TrainingFacts) -> Figure:
    """All networks and the Pareto front."""
    if not isinstance(facts, Facts):
        raise UsageError(
            f"{facts.path} was trained without a search, so there are no scores to draw; --what cells, epsilon, "
            "corruptions and history are possible"
        )
    found = sizes(facts)
    if found is None:
        raise missing(facts, "scores", "resume")
    figure = Figure(figsize=(COLUMN, 2.3), layout="constrained")
    axes = figure.subplots()
    unit, name = (1e6, "million ") if found.params.max() >= 1e6 else (1e3, "thousand ")
    axes.plot(found.params / unit, found.score, ".", ms=2, color="#8796a6", alpha=0.5, rasterized=True)
    axes.step(
        found.front_params / unit,
        found.front_score,
        ".-",
        where="post",
        ms=4,
        color="#0d8050",
        label="Pareto front",
    )
    if found.winner is not None:
        _, params, score = found.winner
        axes.plot(
            params / unit,
            score,
            "o",
            mfc="none",
            color="k",
            label="winner",
        )
    if found.rho is not None:
        axes.set_title(f"Spearman's rho {found.rho:.2f}", loc="left")
    axes.set_xlabel(f"{name}parameters")
    axes.set_ylabel(f"score ({facts.summary.settings.proxy})")
    axes.legend(loc="lower right")
    return figure
