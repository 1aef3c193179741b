"""Scores by generation: all births, the best so far, mean and standard deviation of the population."""

from __future__ import annotations

import numpy as np

from evonas.core.quantities import number
from evonas.reporting.html import svg
from evonas.reporting.html.facts import Facts


def evolution(facts: Facts) -> str:
    """Score against generation."""
    births, history = facts.births, facts.summary.history
    moments = births.moments
    finite = np.isfinite(births.score)
    if not finite.any():
        return ""
    means = [
        (row.generation, row.mean, row.std) for row in history if row.mean is not None and row.std is not None
    ]
    reach = [births.score[finite].min(), births.score[finite].max()]
    reach += [value for _, mean, std in means for value in (mean - std, mean + std)]
    low, high = svg.padded(reach)
    scale, power = svg.power_of_thousand(low, high)
    last = max(int(births.generation.max()), 1)
    x, y = svg.horizontal(-1, last, whole=True), svg.vertical(low, high, scale)
    parts = []
    if means:
        at = [x.at(generation) for generation, _, _ in means]
        lows = [y.at(mean - std) for _, mean, std in means]
        highs = [y.at(mean + std) for _, mean, std in means]
        parts.append(svg.band(at, lows, highs, "spread"))
    parts.append(svg.dots(x.all(moments[finite]), y.all(births.score[finite]), "birth"))
    if means:
        parts.append(svg.line(at, [y.at(mean) for _, mean, _ in means], "mean"))
    best = births.best_so_far()
    rises = np.flatnonzero(np.concatenate(([True], best[1:] != best[:-1])) & np.isfinite(best))
    parts.append(
        svg.stairs(
            [*x.all(moments[rises]).tolist(), x.at(float(moments[-1]))],
            [*y.all(best[rises]).tolist(), y.at(float(best[-1]))],
            "best",
        )
    )
    if facts.winner is not None and np.isfinite(births.score[facts.winner]):
        place = float(moments[facts.winner]), float(births.score[facts.winner])
        about = f"birth {facts.winner}, score {number(place[1])}"
        parts.append(svg.mark(x.at(place[0]), y.at(place[1]), "winner", about, 5))
    keys = [("dot", "birth", f"{len(births):,} births"), ("line", "best", "best so far")]
    if means:
        keys += [("line", "mean", "population mean"), ("area", "spread", "one standard deviation")]
    keys.append(("ring", "winner", "best network"))
    about = f"Scores of {len(births)} births over {last} generations"
    picture = svg.frame(x, y, "generation", f"score{power}", "".join(parts), about)
    lost = int((~finite).sum())
    note = f'<p class="note">{lost:,} births have no score.</p>' if lost else ""
    return f"<figure><h3>Scores</h3>{picture}{svg.legend(keys)}{note}</figure>"
