"""Columns of numbers in the room that there is: a number may take several lines, but it is never cut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.table import Table

ENDLESS = 10_000  # columns of a console that is no terminal
USUAL = 80  # columns of what adapts to a terminal, where there is none
LEAST = 5  # columns of a number in pieces
SHORTEST_NAME = 12  # columns of what the numbers belong to


def number_columns(table: Table, *names: str) -> None:
    """Enter columns of numbers that fold where the terminal is too narrow for all of them."""
    for name in names:
        table.add_column(name, justify="right", overflow="fold", min_width=LEAST)


def fitting(names: Sequence[str], rows: Sequence[Sequence[str]], width: int, gap: int, least: int) -> int:
    """How many of the first columns ``width`` has room for, with ``gap`` after each; ``least`` at the least."""
    taken = 0
    for i, name in enumerate(names):
        taken += gap + max(cell_len(text) for text in (name, *(row[i] for row in rows)))
        if taken > width + gap:  # the last gap may be cut
            return max(least, i)
    return len(names)
