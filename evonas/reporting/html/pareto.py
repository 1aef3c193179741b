"""Score against parameters."""

from __future__ import annotations

from evonas.core.quantities import count, number
from evonas.reporting.facts import Facts
from evonas.reporting.figures.pareto import sizes
from evonas.reporting.html import svg


def pareto(facts: Facts) -> str:
    """Score against params, with the Pareto front; nothing of several objectives, whose own front is shown."""
    found = sizes(facts)
    if found is None or len(facts.summary.objectives) > 1:
        return ""
    low, high = svg.padded(found.score)
    scale, power = svg.power_of_thousand(low, high)
    left, right = svg.padded(found.params)
    unit, unit_power = svg.power_of_thousand(left, right) if right >= 1e6 else (1e3, " (thousands)")
    if right >= 1e6 and unit == 1e6:
        unit_power = " (millions)"
    x, y = svg.horizontal(max(0.0, left), right, unit), svg.vertical(low, high, scale)
    at, up = x.all(found.front_params).tolist(), y.all(found.front_score).tolist()
    parts = [svg.dots(x.all(found.params), y.all(found.score), "birth"), svg.stairs(at, up, "front")]
    front = zip(found.front, found.front_params.tolist(), found.front_score.tolist(), at, up, strict=True)
    for birth, params, score, a, b in front:
        about = f"birth {birth}: {count(int(params))} params, score {number(score)}"
        parts.append(svg.mark(a, b, "front", about, 3))
    name = "latest network" if facts.summary.latest else "best network"
    if found.winner is not None:
        birth, params, score = found.winner
        parts.append(svg.mark(x.at(params), y.at(score), "winner", f"{name}, birth {birth}", 5))
    keys = [
        ("dot", "birth", f"{len(found.params):,} networks"),
        ("line", "front", f"Pareto front ({len(found.front)})"),
        ("ring", "winner", name),
    ]
    note = ""
    if found.rho is not None:
        note = (
            f'<p class="note">Spearman\'s rho of score and params over these networks: {found.rho:.2f}. A score '
            "ranks untrained networks; if rho is near 1, it adds little to size.</p>"
        )
    picture = svg.frame(x, y, f"params{unit_power}", f"score{power}", "".join(parts), "Score against params")
    return f"<figure><h3>Score against params</h3>{picture}{svg.legend(keys)}{note}</figure>"
