"""Columns of numbers that fit the terminal: a number may be folded, but is never cut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

ENDLESS = 10_000  # columns of a console that is not a terminal
USUAL = 80  # columns of adaptive output without a terminal
MIN_NUMBER_WIDTH = 5  # columns of a folded number
SHORTEST_NAME = 12  # columns of the row labels


def number_columns(table: Table, *names: str, least: int = MIN_NUMBER_WIDTH) -> None:
    """Add columns of numbers that fold if the terminal is too narrow."""
    for name in names:
        table.add_column(name, justify="right", overflow="fold", min_width=least)


def in_two_lines(name: str) -> str:
    """``95 % interval over genotypes`` broken before ``over``."""
    return name.replace(" over ", "\nover ")


def fitting(names: Sequence[str], rows: Sequence[Sequence[str | Text]], width: int, gap: int, least: int) -> int:
    """How many of the first columns fit in ``width``, with ``gap`` after each; at least ``least``."""
    taken = 0
    for i, name in enumerate(names):
        taken += gap + max(_width(text) for text in (name, *(row[i] for row in rows)))
        if taken > width:
            return max(least, i)
    return len(names)


def _width(text: str | Text) -> int:
    """That of the longest line."""
    return max(map(cell_len, str(text).split("\n")))


def add_fitting_rows(
    table: Table, names: Sequence[str], rows: Sequence[Sequence[str]], width: int, least: int = 2
) -> None:
    """Add ``rows`` with their first columns, as many as fit in ``width``; at least ``least``, folded."""
    shown = fitting(names, rows, width, gap=1, least=least)
    number_columns(table, *names[:shown], least=1)
    for cells in rows:
        table.add_row(*cells[:shown])


def in_room(parts: Sequence[str], width: int) -> str:
    """The first parts that fit in ``width``, at least one."""
    shown = parts[0]
    for i in range(2, len(parts) + 1):
        line = " ".join(parts[:i])
        shown = line if cell_len(line) <= width else shown
    return shown
