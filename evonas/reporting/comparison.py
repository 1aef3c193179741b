"""The comparison table in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evonas.reporting.columns import SHORTEST_NAME, number_columns
from evonas.reporting.style import count, percent

if TYPE_CHECKING:
    from evonas.final.comparison import ComparedRow


def compared(rows: Sequence[ComparedRow]) -> RenderableType:
    """The columns of Table 3 of the CRoZe paper, with published rows dim and the protocols below."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", overflow="fold", min_width=SHORTEST_NAME)
    number_columns(table, "params", "search", "clean", "corruptions", "FGSM", "HRS", "note")
    protocols = list(dict.fromkeys(row.protocol for row in rows))
    for row in rows:
        table.add_row(
            row.name,
            count(row.params),
            "-" if row.seconds is None else f"{row.seconds:,.0f} s",
            percent(row.clean),
            percent(row.corruptions),
            percent(row.fgsm),
            percent(row.hrs),
            f"[{protocols.index(row.protocol) + 1}]",
            style="dim" if row.published else "",
        )
    notes = [Text(f"[{number}] {text}") for number, text in enumerate(protocols, start=1)]
    if not any(row.published for row in rows):
        notes.append(Text("published rows exist for cifar10 and cifar100 only", style="dim"))
    return Group(table, *notes)
