"""Columns of numbers in the room that there is: a number may take several lines, but it is never cut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

ENDLESS = 10_000  # columns of a console that is no terminal
USUAL = 80  # columns of what adapts to a terminal, where there is none
LEAST = 5  # columns of a number in pieces
SHORTEST_NAME = 12  # columns of what the numbers belong to


def number_columns(table: Table, *names: str, least: int = LEAST) -> None:
    """Enter columns of numbers that fold where the terminal is too narrow for all of them."""
    for name in names:
        table.add_column(name, justify="right", overflow="fold", min_width=least)


def fitting(names: Sequence[str], rows: Sequence[Sequence[str | Text]], width: int, gap: int, least: int) -> int:
    """How many of the first columns ``width`` has room for, with ``gap`` after each; ``least`` at the least."""
    taken = 0
    for i, name in enumerate(names):
        taken += gap + max(cell_len(str(text)) for text in (name, *(row[i] for row in rows)))
        if taken > width:
            return max(least, i)
    return len(names)


def in_room(parts: Sequence[str], width: int) -> str:
    """As many of the first parts as ``width`` has room for, the first one always."""
    shown = parts[0]
    for i in range(2, len(parts) + 1):
        line = " ".join(parts[:i])
        shown = line if cell_len(line) <= width else shown
    return shown
