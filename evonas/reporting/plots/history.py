"""Scores by generation."""

from __future__ import annotations

from matplotlib.figure import Figure

from evonas.reporting.facts import Facts, TrainingFacts
from evonas.reporting.figures.epochs import epochs
from evonas.reporting.figures.scores import scores
from evonas.reporting.plots.base import COLUMN, missing, plots


@plots.register("history")
def history(facts: TrainingFacts) -> Figure:
    """All births, the best so far, mean and standard deviation of the population."""
    if not isinstance(facts, Facts):
        return _epochs(facts)
    found = scores(facts)
    if found is None:
        raise missing(facts, "scores", "resume")
    figure = Figure(figsize=(COLUMN, 2.3), layout="constrained")
    axes = figure.subplots()
    axes.plot(
        found.at,
        found.score,
        ".",
        ms=2,
        color="#8796a6",
        alpha=0.5,
        label="births",
        rasterized=True,
    )
    at, mean, std = found.generations, found.mean, found.std
    axes.fill_between(at, mean - std, mean + std, color="#1d6fb8", alpha=0.18, lw=0)
    axes.plot(at, mean, color="#1d6fb8", label="population mean ± std")
    if not facts.summary.latest:
        axes.step(found.every, found.best, where="post", color="#0d8050", label="best so far")
    axes.set_xlabel("generation")
    axes.set_ylabel(f"score ({facts.summary.settings.proxy})")
    axes.legend(loc="lower right")
    return figure


def _epochs(facts: TrainingFacts) -> Figure:
    """Of a training without a search: accuracies by epoch."""
    found = epochs(facts)
    if found is None or facts.training is None:
        raise missing(facts, "epochs", "resume")
    figure = Figure(figsize=(COLUMN, 2.3), layout="constrained")
    axes = figure.subplots()
    axes.plot(found.epochs, found.training, color="#8796a6", label="training images as shown")
    axes.plot(found.epochs, found.validation, color="#1d6fb8", label="validation")
    if found.robust is not None:
        axes.plot(found.epochs, found.robust, color="#0d8050", label=f"validation {facts.training.chosen.judged}")
    axes.set_xlabel("epoch")
    axes.set_ylabel("accuracy, %")
    axes.legend(loc="lower right")
    return figure
