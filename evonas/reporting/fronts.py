"""The Pareto front of a search as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evonas.core.quantities import count, number
from evonas.reporting.columns import add_fitting_rows
from evonas.store.individual import Individual
from evonas.store.objective import Objective

MAX_ROWS = 12


def front_table(front: Sequence[Individual], objectives: Sequence[Objective], width: int) -> RenderableType:
    """The members with their values, the best first objective first; the middle of a long front is left out."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    names = [f"{one.name} ({'larger' if one.maximise else 'smaller'} is better)" for one in objectives]
    shown = list(enumerate(front, start=1))
    if len(shown) > MAX_ROWS:
        shown = [*shown[: MAX_ROWS // 2], *shown[-MAX_ROWS // 2 :]]
    rows = [
        [
            str(i),
            str(one.birth),
            *(number(one.values[objective.name]) for objective in objectives),
            count(one.params),
        ]
        for i, one in shown
    ]
    if len(front) > len(shown):
        rows.insert(MAX_ROWS // 2, ["…"] * len(rows[0]))
    add_fitting_rows(table, ("front", "birth", *names, "params"), rows, width)
    more = len(front) - len(shown)
    return Group(table, *([Text(f"{more} more in best.json", style="dim")] if more else []))
