"""Score against parameters."""

from __future__ import annotations

import numpy as np

from evonas.core.quantities import count, number
from evonas.reporting.html import svg
from evonas.reporting.html.facts import Facts


def pareto(facts: Facts) -> str:
    """Score against params, with the Pareto front."""
    births = facts.births
    places = births.distinct()
    if not len(places):
        return ""
    sizes, scores = births.params[places].astype(np.float64), births.score[places]
    low, high = svg.padded(scores)
    scale, power = svg.power_of_thousand(low, high)
    left, right = svg.padded(sizes)
    unit, unit_power = svg.power_of_thousand(left, right) if right >= 1e6 else (1e3, " (thousands)")
    if right >= 1e6 and unit == 1e6:
        unit_power = " (millions)"
    x, y = svg.horizontal(max(0.0, left), right, unit), svg.vertical(low, high, scale)
    front = births.front()
    at, up = x.all(births.params[front].astype(np.float64)).tolist(), y.all(births.score[front]).tolist()
    parts = [svg.dots(x.all(sizes), y.all(scores), "birth"), svg.stairs(at, up, "front")]
    for place, a, b in zip(front.tolist(), at, up, strict=True):
        about = (
            f"birth {place}: {count(int(births.params[place]))} params, score {number(float(births.score[place]))}"
        )
        parts.append(svg.mark(a, b, "front", about, 3))
    if facts.winner is not None and np.isfinite(births.score[facts.winner]):
        about = f"best network, birth {facts.winner}"
        winner = x.at(float(births.params[facts.winner])), y.at(float(births.score[facts.winner]))
        parts.append(svg.mark(*winner, "winner", about, 5))
    keys = [
        ("dot", "birth", f"{len(places):,} networks"),
        ("line", "front", f"Pareto front ({len(front)})"),
        ("ring", "winner", "best network"),
    ]
    rho = births.size_correlation()
    note = ""
    if rho is not None:
        note = (
            f'<p class="note">Spearman\'s rho of score and params over these networks: {rho:.2f}. A score ranks '
            "untrained networks; if rho is near 1, it adds little to size.</p>"
        )
    picture = svg.frame(x, y, f"params{unit_power}", f"score{power}", "".join(parts), "Score against params")
    return f"<figure><h3>Score against params</h3>{picture}{svg.legend(keys)}{note}</figure>"
