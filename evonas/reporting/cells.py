"""Cells drawn in text."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from evonas.reporting.style import operation_label, operation_style
from spaces.darts.genotype import Edge, Genotype
from spaces.nasbench201.genotype import EDGES, Cell
from spaces.robnet import genotype as robnet

ROBNET_LABELS = {"00": "-", "01": "sep", "10": "id", "11": "res"}
BRACKETS = {True: ("╮", "┴─▶"), False: ("+", "+->")}  # upper and lower part, in Unicode or ASCII


def draw(genotype: Any, unicode: bool = True) -> list[tuple[str, Text]]:
    """Each cell of a genotype as (title, drawing)."""
    if isinstance(genotype, Genotype):
        return [
            ("normal cell", _darts_cell(genotype.normal, genotype.normal_concat, unicode)),
            ("reduction cell", _darts_cell(genotype.reduce, genotype.reduce_concat, unicode)),
        ]
    if isinstance(genotype, Cell):
        return [("cell", _nasbench201_cell(genotype, unicode))]
    if isinstance(genotype, robnet.Genotype):
        count = len(genotype.cells)
        title = "every cell" if count == 1 else f"the first of {count} cells"
        return [(title, _robnet_cell(genotype.cells[0], unicode))]
    return [("genotype", Text(str(genotype)))]


def _darts_cell(edges: tuple[Edge, ...], concat: tuple[int, ...], unicode: bool) -> Text:
    """Two lines per node: its inputs, joined by a bracket that ends in the number of the node."""
    upper, lower = BRACKETS[unicode]
    dash = "─" if unicode else "-"
    text = Text(no_wrap=True)
    for i, (operation, state) in enumerate(edges):
        source = {0: "c[k-2]", 1: "c[k-1]"}.get(state, f"node {state}")
        text.append(f"{source:>7} {dash} ", style="dim")
        text.append(f"{operation_label(operation):<13}", style=operation_style(operation))
        node = 2 + i // 2
        if i % 2 == 0:
            text.append(f" {dash}{upper}\n", style="dim")
        else:
            text.append(f" {dash}{lower} ", style="dim")
            text.append(f"{node}", style="bold")
            text.append(" out\n" if node in concat else "\n", style="dim")
    text.rstrip()
    return text


def _robnet_cell(code: robnet.Code, unicode: bool) -> Text:
    """One line per node: its operation on each earlier state."""
    arrow = "─▶" if unicode else "->"
    text = Text(no_wrap=True)
    for (source, node), operation in zip(robnet.EDGES, code, strict=True):
        name = {0: "c[k-2]", 1: "c[k-1]"}.get(source, f"{source}")
        text.append(f"{name} ", style="dim")
        text.append(
            f"{ROBNET_LABELS[operation]:<5}", style=operation_style(robnet.OPERATIONS[operation].split()[-1])
        )
        if source == node - 1:
            text.append(f"{arrow} ", style="dim")
            text.append(f"{node}", style="bold")
            text.append(" out\n", style="dim")
    text.append("sep: sep conv 3x3, res: the same plus its input, id: the input", style="dim")
    return text


def _nasbench201_cell(cell: Cell, unicode: bool) -> Text:
    arrow = "─▶" if unicode else "->"
    text = Text(no_wrap=True)
    for operation, (source, target) in zip(cell.operations, EDGES, strict=True):
        ends = {0: "input", 3: "output"}
        text.append(f"{ends.get(source, f'node {source}'):>6} {arrow} ", style="dim")
        text.append(f"{operation_label(operation):<13}", style=operation_style(operation))
        text.append(f" {arrow} {ends.get(target, f'node {target}')}\n", style="dim")
    text.rstrip()
    return text
