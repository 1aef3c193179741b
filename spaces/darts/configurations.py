"""DARTS cells as dictionaries of choices: NNI's names and those of NAS-Bench-301's ConfigSpace.

Both have four nodes with two inputs each, and all nodes are concatenated.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from spaces.darts.genotype import NODES, Edge
from spaces.errors import shorten
from spaces.literal import integer, items, shown, text
from spaces.text import Source

Facts = Mapping[str, tuple[ast.expr, ast.expr]]
Parts = tuple[tuple[Edge, ...], tuple[int, ...], tuple[Edge, ...], tuple[int, ...]]

CONCAT = tuple(range(2, 2 + NODES))
SIZES = ("width", "depth", "num_cells")  # of NNI: the network, not the cell
_CHOICE = re.compile(r"(?:\w{1,60}(?::|_COLON_)darts(?::|_COLON_))?(edge|inputs_node)_(normal|reduce)_(\d{1,2})")


def nni(source: Source, facts: Facts) -> Parts | None:
    """The cells of ``{'normal/op_2_0': 'sep_conv_3x3', 'normal/input_2_0': 0, ...}``; None for other keys.

    Raises `UsageError` for a choice too many or missing.
    """
    if not any("/op_" in key for key in facts):
        return None
    wanted = {
        f"{cell}/{what}_{node}_{i}"
        for cell in ("normal", "reduce")
        for what in ("op", "input")
        for node in CONCAT
        for i in (0, 1)
    }
    for key, (at, _) in facts.items():
        if key not in wanted and key not in SIZES:
            raise source.error(
                f"{shorten(key)} is not a choice of a cell with {NODES} nodes in the DARTS space", at
            )
    if missing := sorted(wanted - set(facts)):
        raise source.error(f"the choice {missing[0]!r} is missing")
    cells = []
    for cell in ("normal", "reduce"):
        edges: list[Edge] = []
        for node in CONCAT:
            for i in (0, 1):
                value = facts[f"{cell}/input_{node}_{i}"][1]
                inside = items(value)
                state = integer(source, cell, inside[0] if inside and len(inside) == 1 else value)
                edges.append((_operation(source, facts[f"{cell}/op_{node}_{i}"][1]), state))
        cells.append(tuple(edges))
    return cells[0], CONCAT, cells[1], CONCAT


def nasbench301(source: Source, facts: Facts) -> Parts | None:
    """The cells of ``{'…edge_normal_0': 'sep_conv_3x3', '…inputs_node_normal_3': '0_1', ...}``, or None.

    Hyperparameters of the training may be in the dictionary too. Raises `UsageError` for what contradicts itself.
    """
    choices: dict[tuple[str, str, int], tuple[ast.expr, ast.expr]] = {}
    for key, (at, value) in facts.items():
        match = _CHOICE.fullmatch(key)
        if match:
            place = (match[1], match[2], int(match[3]))
            if place in choices:
                raise source.error(f"repeated choice {shorten(key)}", at)
            choices[place] = (at, value)
        elif "edge_" in key or "inputs_node" in key:
            raise source.error(f"{shorten(key)} is not a choice of NAS-Bench-301", at)
    if not choices:
        return None
    normal, reduce = (_cell(source, cell, choices) for cell in ("normal", "reduce"))
    if choices:
        at, _ = next(iter(choices.values()))
        raise source.error("there is no such edge in a cell of four nodes", at)
    return normal, CONCAT, reduce, CONCAT


def _cell(
    source: Source, cell: str, choices: dict[tuple[str, str, int], tuple[ast.expr, ast.expr]]
) -> tuple[Edge, ...]:
    """The edges of ``cell``, taken out of ``choices``; they are numbered node by node, state by state."""
    edges: list[Edge] = []
    first = 0  # number of the edge from state 0 to this node
    for node in CONCAT:
        present = [state for state in range(node) if ("edge", cell, first + state) in choices]
        stated = choices.pop(("inputs_node", cell, node), None)
        if stated is not None and text(stated[1]) != "_".join(map(str, present)):
            inputs = shown(stated[1])[1:-1]
            raise source.error(f"{cell} node {node} has the inputs {inputs}, but edges from {present}", stated[1])
        if len(present) != 2:
            raise source.error(f"{cell} node {node} has {len(present)} edges; two are needed")
        for state in present:
            _, operation = choices.pop(("edge", cell, first + state))
            edges.append((_operation(source, operation), state))
        first += node
    return tuple(edges)


def _operation(source: Source, node: ast.expr) -> str:
    operation = text(node)
    if operation is None:
        raise source.error(f"an operation is a string, not {shown(node)}", node)
    return operation
