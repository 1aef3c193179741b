"""The Pareto front of a search as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evonas.core.quantities import count, duration, number
from evonas.reporting.columns import add_fitting_rows
from evonas.store.headline import picked, picked_in_words
from evonas.store.individual import Individual
from evonas.store.objective import Objective

MAX_ROWS = 12


def headline_text(
    best: Individual, objectives: Sequence[Objective], pick: str | None, latest: bool = False
) -> str:
    """``best 1.5``, or ``latest 1.5``.

    Of several objectives ``best params 1234, flops 5678``, the picked one first.
    """
    if len(objectives) < 2:
        return f"{'latest' if latest else 'best'} {number(best.score)}"
    values = {one.name: number(best.values[one.name]) for one in objectives}
    first = values.pop(picked(objectives, pick), None)
    others = ", ".join(f"{name} {value}" for name, value in values.items())
    title = picked_in_words(objectives, pick)
    return f"{title}: {others}" if first is None else f"{title} {first}, {others}"


def pace(per_evaluation: float | None, per_generation: float | None, latest: bool) -> str:
    """``, 2 s per evaluation``; where the result is the latest birth, ``, 2 s per generation``."""
    seconds, unit = (per_generation, "generation") if latest else (per_evaluation, "evaluation")
    return "" if seconds is None else f", {duration(seconds)} per {unit}"


def front_table(
    front: Sequence[Individual], objectives: Sequence[Objective], width: int, best: Individual | None = None
) -> RenderableType:
    """The members with their values, the best first objective first; the middle of a long front is left out.

    The row of ``best`` is marked.
    """
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    names = [f"{one.name} ({'max' if one.maximise else 'min'})" for one in objectives]
    half = MAX_ROWS // 2
    shown = [
        (i, one)
        for i, one in enumerate(front)
        if len(front) <= MAX_ROWS or i < half or i >= len(front) - half or one == best
    ]
    rows: list[list[str]] = []
    before = -1
    for i, one in shown:
        values = (number(one.values[objective.name]) for objective in objectives)
        row = [f"{i + 1}{'*' if one == best else ''}", str(one.birth), *values, count(one.params)]
        rows += [["…"] * len(row), row] if i > before + 1 else [row]
        before = i
    add_fitting_rows(table, ("front", "birth", *names, "params"), rows, width, least=2 + len(names))
    more = len(front) - len(shown)
    return Group(table, *([Text(f"{more} more in best.json", style="dim")] if more else []))
