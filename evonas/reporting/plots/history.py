"""Scores by generation."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from evonas.reporting.html.facts import Facts, TrainingFacts
from evonas.reporting.plots.base import COLUMN, missing, plots


@plots.register("history")
def history(facts: TrainingFacts) -> Figure:
    """All births, the best so far, mean and standard deviation of the population."""
    if not isinstance(facts, Facts):
        return _epochs(facts)
    births = facts.births
    finite = np.isfinite(births.score)
    if not finite.any():
        raise missing(facts, "scores", "resume")
    figure = Figure(figsize=(COLUMN, 2.3), layout="constrained")
    axes = figure.subplots()
    moments = births.moments
    axes.plot(
        moments[finite],
        births.score[finite],
        ".",
        ms=2,
        color="#8796a6",
        alpha=0.5,
        label="births",
        rasterized=True,
    )
    rows = [row for row in facts.summary.history if row.mean is not None and row.std is not None]
    at = np.array([row.generation for row in rows])
    mean = np.array([row.mean for row in rows], dtype=np.float64)
    std = np.array([row.std for row in rows], dtype=np.float64)
    axes.fill_between(at, mean - std, mean + std, color="#1d6fb8", alpha=0.18, lw=0)
    axes.plot(at, mean, color="#1d6fb8", label="population mean ± std")
    best = births.best_so_far()
    axes.step(
        moments, np.where(np.isfinite(best), best, np.nan), where="post", color="#0d8050", label="best so far"
    )
    axes.set_xlabel("generation")
    axes.set_ylabel(f"score ({facts.summary.settings.proxy})")
    axes.legend(loc="lower right")
    return figure


def _epochs(facts: TrainingFacts) -> Figure:
    """Of a training without a search: accuracies by epoch."""
    rows = facts.epochs
    if not rows:
        raise missing(facts, "epochs", "resume")
    figure = Figure(figsize=(COLUMN, 2.3), layout="constrained")
    axes = figure.subplots()
    at = [row.epoch for row in rows]
    axes.plot(at, [100 * row.accuracy for row in rows], color="#8796a6", label="training images as shown")
    axes.plot(at, [100 * row.validation for row in rows], color="#1d6fb8", label="validation")
    robust = [(row.epoch, 100 * row.robust) for row in rows if row.robust is not None]
    if robust:
        axes.plot(*zip(*robust, strict=True), color="#0d8050", label="validation under PGD")
    axes.set_xlabel("epoch")
    axes.set_ylabel("accuracy, %")
    axes.legend(loc="lower right")
    return figure
