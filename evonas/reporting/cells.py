"""Cells drawn in text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rich.text import Text

from evonas.reporting.colours import operation_style
from spaces import Space
from spaces.graph import Arrow, CellGraph

MAX_CELLS = 2  # of a genotype with more, the first is drawn
DENSE = 2  # arrows per node; a cell with more has a line per node
BRACKETS = {True: ("╮", "┴─▶"), False: ("+", "+->")}  # upper and lower part, in Unicode or ASCII
ARROWS = {True: "─▶", False: "->"}
LABEL_WIDTH = 13


def draw(space: Space, genotype: Any, unicode: bool = True) -> list[tuple[str, Text]]:
    """Each cell of a genotype as (title, drawing)."""
    graphs = space.graphs(genotype)
    if len(graphs) > MAX_CELLS:
        return [(f"the first of {len(graphs)} cells", _drawing(space, graphs[0], unicode))]
    return [(graph.title, _drawing(space, graph, unicode)) for graph in graphs]


def _drawing(space: Space, graph: CellGraph, unicode: bool) -> Text:
    text = Text(no_wrap=True)
    numbers = [sum(arrow.target == state for arrow in graph.arrows) for state in _nodes(graph)]
    form: Callable[[Text, Space, CellGraph, bool], None]
    if sum(numbers) > DENSE * len(numbers):
        form = _line_per_node
    else:
        form = _brackets if set(numbers) == {2} else _line_per_arrow
    form(text, space, graph, unicode)
    text.rstrip()
    return text


def _nodes(graph: CellGraph) -> range:
    return range(graph.inputs, len(graph.states))


def _into(graph: CellGraph) -> Iterator[tuple[int, list[Arrow]]]:
    """Each node with the arrows that lead to it."""
    for node in _nodes(graph):
        yield node, [arrow for arrow in graph.arrows if arrow.target == node]


def _long(name: str) -> str:
    return f"node {name}" if name.isdigit() else name


def _operation(text: Text, space: Space, name: str) -> None:
    label = space.operation(name).label
    text.append(f"{label:<{LABEL_WIDTH}}", style=operation_style(space, name))


def _brackets(text: Text, space: Space, graph: CellGraph, unicode: bool) -> None:
    """Two lines per node: its inputs, joined by a bracket that ends in the name of the node."""
    dash = "─" if unicode else "-"
    upper, lower = BRACKETS[unicode]
    for node, arrows in _into(graph):
        for arrow, end in zip(arrows, (upper, lower), strict=True):
            text.append(f"{_long(graph.states[arrow.source]):>7} {dash} ", style="dim")
            _operation(text, space, arrow.operation)
            text.append(f" {dash}{end}" + ("\n" if end == upper else " "), style="dim")
        text.append(graph.states[node], style="bold")
        text.append(" out\n" if node in graph.outputs else "\n", style="dim")


def _line_per_node(text: Text, space: Space, graph: CellGraph, unicode: bool) -> None:
    """One line per node: its operation on each earlier state, in short names that the last line explains."""
    used = [name for name in space.operations if any(arrow.operation == name for arrow in graph.arrows)]
    heard = [space.operation(name) for name in used if not space.operation(name).silent]
    width = 1 + max((len(operation.short) for operation in heard), default=1)
    for node, arrows in _into(graph):
        for arrow in arrows:
            operation = space.operation(arrow.operation)
            text.append(f"{graph.states[arrow.source]} ", style="dim")
            short = "-" if operation.silent else operation.short
            text.append(f"{short:<{width}}", style=operation_style(space, arrow.operation))
        text.append(f"{ARROWS[unicode]} ", style="dim")
        text.append(graph.states[node], style="bold")
        text.append(" out\n" if node in graph.outputs else "\n", style="dim")
    text.append(", ".join(f"{operation.short}: {operation.label}" for operation in heard), style="dim")


def _line_per_arrow(text: Text, space: Space, graph: CellGraph, unicode: bool) -> None:
    for arrow in graph.arrows:
        text.append(f"{_long(graph.states[arrow.source]):>6} {ARROWS[unicode]} ", style="dim")
        _operation(text, space, arrow.operation)
        text.append(f" {ARROWS[unicode]} {_long(graph.states[arrow.target])}\n", style="dim")
