"""Wide tables: columns that do not fit the terminal follow in further blocks, with the row labels repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from evonas.reporting.columns import SHORTEST_NAME

Cell = str | Text


class Row(NamedTuple):
    """A row of a wide table."""

    label: Cell
    cells: Sequence[Cell]
    style: str = ""


@dataclass(frozen=True)
class Blocks:
    """A table of numbers under ``names`` with a column of labels; nothing in it is cut.

    A header is wrapped between words before a column moves to the next block. Only where the label and a single
    column do not fit, their cells take several lines.
    """

    label: str
    names: Sequence[str]
    rows: Sequence[Row]
    gap: int = 1  # after each column
    label_style: str = "cyan"
    max_label: int | None = None  # columns of the terminal for a label that may be shortened
    left: tuple[str, ...] = ()  # columns of text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for i, (label, part, widths) in enumerate(self._parts(options.max_width)):
            if i:
                yield Text("")
            yield self._table(label, part, widths)

    def _parts(self, width: int) -> Iterator[tuple[int, range, list[int]]]:
        """For each block the width of the labels, its columns and their widths."""
        label = max(map(_width, [self.label, *(row.label for row in self.rows)]))
        label = label if self.max_label is None else min(label, self.max_label)
        cells = [max((_width(row.cells[i]) for row in self.rows), default=0) for i in range(len(self.names))]
        whole = [max(cell, cell_len(name)) for name, cell in zip(self.names, cells, strict=True)]
        if label + sum(self.gap + one for one in whole) <= width:
            yield label, range(len(whole)), whole
            return
        needed = [max(cell, *map(cell_len, name.split(" "))) for name, cell in zip(self.names, cells, strict=True)]
        shortest = min(SHORTEST_NAME, width // 2)
        widest = width // 3 if self.max_label is not None else width - self.gap - max(needed)
        label = min(label, max(shortest, widest))
        room = width - label
        widths = [max(1, min(one, room - self.gap)) for one in needed]
        start, used = 0, 0
        for i, one in enumerate(widths):
            if used and used + self.gap + one > room:
                yield label, range(start, i), widths[start:i]
                start, used = i, 0
            used += self.gap + one
        yield label, range(start, len(widths)), widths[start:]

    def _table(self, label: int, part: range, widths: Sequence[int]) -> Table:
        table = Table(box=None, padding=(0, self.gap, 0, 0), pad_edge=False, header_style="dim")
        table.add_column(self.label, overflow="fold", style=self.label_style, width=label)
        for i, width in zip(part, widths, strict=True):
            side: Literal["left", "right"] = "left" if self.names[i] in self.left else "right"
            table.add_column(self.names[i], justify=side, overflow="fold", width=width)
        for row in self.rows:
            table.add_row(row.label, *(row.cells[i] for i in part), style=row.style or None)
        return table


def _width(cell: Cell) -> int:
    return max(map(cell_len, str(cell).split("\n")))
