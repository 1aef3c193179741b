"""The Pareto front of several objectives, and its hypervolume by generation."""

from __future__ import annotations

from html import escape

from evonas.core.quantities import number
from evonas.reporting.facts import Facts
from evonas.reporting.figures.front import Plane, planes, volumes
from evonas.reporting.html import svg


def front(facts: Facts) -> str:
    """The first objective against each of the others, then the hypervolume."""
    return "".join(map(_plane, planes(facts))) + _volumes(facts)


def _plane(found: Plane) -> str:
    left, right = svg.padded(found.x)
    low, high = svg.padded(found.y)
    unit, x_power = svg.power_of_thousand(left, right)
    scale, y_power = svg.power_of_thousand(low, high)
    x, y = svg.horizontal(left, right, unit), svg.vertical(low, high, scale)
    parts = [svg.dots(x.all(found.x), y.all(found.y), "birth")]
    if found.whole:
        across, up = ([one[i] for one in found.front] for i in (1, 2))
        parts.append(svg.line([x.at(value) for value in across], [y.at(value) for value in up], "front"))
    for birth, a, b in found.front:
        about = f"birth {birth}: {found.y_name} {number(b)}, {found.x_name} {number(a)}"
        parts.append(svg.mark(x.at(a), y.at(b), "front", about, 3))
    birth, a, b = found.headline
    parts.append(svg.mark(x.at(a), y.at(b), "winner", f"{found.picked_by}, birth {birth}", 5))
    keys = [
        ("dot", "birth", f"{len(found.x):,} networks"),
        ("line", "front", f"Pareto front ({len(found.front)})"),
        ("ring", "winner", found.picked_by),
    ]
    title = f"{found.y_name} against {found.x_name}"
    titles = (escape(f"{found.x_name}{x_power}"), escape(f"{found.y_name}{y_power}"))
    picture = svg.frame(x, y, *titles, "".join(parts), title)
    return f"<figure><h3>{escape(title)}</h3>{picture}{svg.legend(keys)}</figure>"


def _volumes(facts: Facts) -> str:
    found = volumes(facts)
    if found is None:
        return ""
    at, values = found
    low, high = svg.padded(values)
    scale, power = svg.power_of_thousand(low, high)
    x, y = svg.horizontal(at[0], at[-1], whole=True), svg.vertical(low, high, scale)
    steps = svg.stairs(x.all(at).tolist(), y.all(values).tolist(), "best")
    picture = svg.frame(x, y, "generation", f"hypervolume{power}", steps, "Hypervolume by generation")
    note = (
        '<p class="note">The hypervolume is what the Pareto front dominates, counted from the worst value of each '
        "objective in the first population.</p>"
    )
    return f"<figure><h3>Hypervolume</h3>{picture}{note}</figure>"
