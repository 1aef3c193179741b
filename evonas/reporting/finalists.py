"""The finalists of a run as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evonas.core.quantities import percent, plural
from evonas.reporting.columns import number_columns
from evonas.training.standings import Standing


def finalists_table(standings: Sequence[Standing]) -> RenderableType:
    """Their births with the rounds that they took part in and the accuracies after the last of them."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    number_columns(table, "place", "birth", "rounds", "PGD-10", "clean")
    for place, one in enumerate(standings, start=1):
        accuracies = percent(one.robust), percent(one.validation)
        table.add_row(str(place), str(one.birth), str(one.rounds), *accuracies)
    return Group(Text(f"{plural(len(standings), 'finalist')}, on held-out images", style="bold"), table)
