"""The curves of a benchmark as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from evonas.tables.benchmark import Benchmark
from evonas.tables.plot import save

COLOURS = ("#1f5f8b", "#c2255c", "#2b8a3e", "#d9730d", "#7048e8", "#0b7285", "#862e9c", "#5c940d", "#a61e4d")
WIDTH, HEIGHT = 5.2, 4.0  # inches of one target


def curves(result: Benchmark, path: str | Path) -> None:
    """The mean of every algorithm after each query with its 95 % interval, one panel per target.

    Formats are .png, .svg and .pdf. The dashed line is the exact mean of random search.
    """
    queries = np.arange(1, result.evaluations + 1)
    figure = Figure(figsize=(WIDTH * len(result.goals), HEIGHT), layout="constrained")
    panels = figure.subplots(1, len(result.goals), squeeze=False)[0]
    for axes, (name, goal) in zip(panels, result.goals.items(), strict=True):
        for i, one in enumerate(result.contenders):
            found, colour = result.standings[one.label][name], COLOURS[i % len(COLOURS)]
            axes.plot(queries, found.mean, color=colour, label=one.label, lw=1.4)
            low, high = found.mean - found.half_width, found.mean + found.half_width
            axes.fill_between(queries, low, high, color=colour, alpha=0.2, lw=0)
        axes.plot(queries, result.expected[name], color="black", ls="--", lw=0.8, label="random, exact")
        axes.axhline(goal.optimum, color="grey", lw=0.8, label="optimum")
        axes.set_xscale("log")
        axes.set_xlabel("different architectures queried")
        axes.set_ylabel(f"{name}, %" if goal.target.is_accuracy else name)
        chosen = "" if goal.searched.name == name else f", searched by {goal.searched.name}"
        axes.set_title(f"mean of {result.trials} trials, 95 % interval over trials{chosen}", fontsize=10)
        axes.legend(fontsize=8)
    save(figure, path)
