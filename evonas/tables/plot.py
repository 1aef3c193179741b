"""Pictures of a correlation: the heat map of all pairs, the scatter of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from evonas.tables.correlate import Correlation, check_pair
from spaces import UsageError

COLOURS = "RdBu"
POINT = "#1f5f8b"


def heat_map(result: Correlation, path: str | Path) -> None:
    """Spearman's rho of every proxy with every target, best average first, as a picture (.png, .svg, .pdf)."""
    names = sorted(result.spearman, key=lambda name: -_or(result.average[name], -2.0))
    rho = np.array([[_or(result.spearman[name][t], np.nan) for t in result.target] for name in names])
    figure = Figure(figsize=(1.6 + 0.85 * len(result.target), 1.2 + 0.34 * len(names)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(rho, cmap=COLOURS, vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(len(result.target)), result.target, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), names)
    for (i, j), value in np.ndenumerate(rho):
        shown = "-" if np.isnan(value) else f"{value:.2f}"
        axes.text(
            j, i, shown, ha="center", va="center", fontsize=8, color="white" if abs(value) > 0.6 else "black"
        )
    figure.colorbar(image, label="Spearman's rho")
    axes.set_title(f"{result.n} architectures", fontsize=10)
    save(figure, path)


def scatter(result: Correlation, proxy: str, target: str, path: str | Path) -> None:
    """The score of one proxy against the accuracy on one target, a point an architecture."""
    check_pair(proxy, target, list(result.scores), list(result.target))
    score, accuracy = result.scores[proxy], result.accuracies[target]
    rho, interval = result.spearman[proxy][target], result.ci95[proxy][target]
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    (shown,) = (t for t in result.table.targets if t.name == target)
    percent = 100 if shown.is_accuracy else 1
    axes.scatter(score, percent * accuracy, s=8, alpha=0.5, color=POINT, linewidths=0)
    positive = score[np.isfinite(score)]
    if len(positive) and positive.min() > 0 and positive.max() > 100 * positive.min():
        axes.set_xscale("log")
    axes.set_xlabel(proxy)
    axes.set_ylabel(f"{target} accuracy, %" if shown.is_accuracy else target)
    bounds = "" if interval is None else f" [{interval[0]:.2f}, {interval[1]:.2f}] over genotypes"
    axes.set_title("no correlation" if rho is None else f"Spearman's rho {rho:.3f}{bounds}", fontsize=10)
    save(figure, path)


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def save(figure: Figure, path: str | Path) -> None:
    """Write a picture. Raises `UsageError` if that is not possible."""
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise UsageError(f"the picture cannot be written to {path}: {error}") from None
