"""The summary of an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evonas.core.quantities import duration
from evonas.reporting.columns import SHORTEST_NAME, number_columns

if TYPE_CHECKING:
    from evonas.exporting.export import Export


def exported(result: Export) -> RenderableType:
    """One line per file: its size and the largest difference of logits, by batch size."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("file", overflow="fold", min_width=SHORTEST_NAME)
    batches = list(result.files[0].difference) if result.files else []
    number_columns(table, "size", *(f"batch {count}" for count in batches), "time")
    for file in result.files:
        apart = (f"{value:.2g}" for value in file.difference.values())
        size = f"{file.bytes / 1000:,.1f} kB"
        table.add_row(Text(file.path.name, style="cyan"), size, *apart, duration(file.seconds))
    notes = [Text(f"skipped: {reason}", style="yellow") for reason in result.left_out.values()]
    notes += [Text(note, style="yellow") for note in result.notes]
    about = "batch N: largest difference of logits from the network, on N images"
    return Group(
        table,
        Text(about, style="dim") if result.files else Text(),
        *notes,
        Text(f"saved in {result.card.parent}, with a model card in {result.card.name}", style="dim"),
    )
