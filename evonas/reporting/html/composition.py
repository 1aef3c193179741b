"""The operations in the population."""

from __future__ import annotations

from html import escape

import numpy as np

from evonas.reporting.colours import operation_colour
from evonas.reporting.facts import Facts
from evonas.reporting.html import svg


def composition(facts: Facts) -> str:
    """Shares of the operations among the edges of the population by generation."""
    found, space = facts.operations, facts.space
    if found is None or len(found.generations) < 2:
        return ""
    x = svg.horizontal(found.generations[0], found.generations[-1], whole=True)
    y = svg.vertical(0, 100)
    at = x.all(np.array(found.generations, dtype=np.float64)).tolist()
    order = np.argsort(-found.shares[-1], kind="stable")
    base = np.zeros(len(at))
    parts, keys = [], []
    for i in order.tolist():
        top = base + 100 * found.shares[:, i]
        fill = f' style="fill:{operation_colour(space, found.names[i])}"'
        parts.append(svg.band(at, y.all(base).tolist(), y.all(top).tolist(), "share", fill))
        keys.append((found.names[i], f"{space.operation(found.names[i]).label} {100 * found.shares[-1, i]:.0f} %"))
        base = top
    picture = svg.frame(x, y, "generation", "% of edges", "".join(parts), "Operations in the population over time")
    shown = "".join(
        f'<span><i class="key area" style="background:{operation_colour(space, name)}"></i>{escape(words)}</span>'
        for name, words in keys
    )
    return f'<figure><h3>Operations in the population</h3>{picture}<p class="legend">{shown}</p></figure>'
