"""NAS-Bench-201 cells as programs print them: the string, ``Structure(...)``, lists of nodes, configurations."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from spaces.errors import shorten
from spaces.literal import argument, integer, items, mapping, name_of, shown, text, unwrap
from spaces.nasbench201.genotype import EDGES, EXAMPLE, OPERATIONS, PATTERN, Cell
from spaces.registry import closest
from spaces.text import Source, read

KIND = "a NAS-Bench-201 cell"
NODES = 3  # without the input
STRUCTURES = {"Structure", "_Structure", "CellStructure"}

_WRAPPED = re.compile(r"[\[(]\s*([^'\"]*[|)])\s*,?\s*[\])]", re.DOTALL)  # a list of one that is not Python
_STRUCTURE = re.compile(r"\w*Structure\s?\(\s*\d+ nodes with (.*)\)", re.DOTALL)
_EDGE = re.compile(r"\s*(\w{0,99})\s*~\s*(\d)\s*")


def parse(written: str) -> Cell:
    """The cell in ``written``. Raises `UsageError` saying what is wrong and where."""
    match = PATTERN.fullmatch(written)
    return Cell(match.groups()) if match and _known(match.groups()) else read(written, KIND, EXAMPLE, _read)


def _known(operations: tuple[str, ...]) -> bool:
    return all(operation in OPERATIONS for operation in operations)


def _read(source: Source) -> Cell:
    numbers = re.fullmatch(r"[\[(]?[\d\s]+(?:([,:])[\d\s]+)+[\])]?", source.text.strip())
    if numbers:
        sizes = "channels of NATS-Bench's size space, which evonas does not have"
        order = "operations as numbers, whose order differs between projects"
        raise source.error(f"{sizes if numbers[1] == ':' else order}; expected {EXAMPLE}", 0, len(source.text))
    source.locate()
    start, string = _unwrapped(source)
    if string.startswith("|"):
        return _string(source, start, string)
    node = unwrap(source, source.tree(), "nasbench201")
    quoted = text(node)
    if quoted is not None:
        return _read(source.inner(quoted))
    facts = mapping(source, node)
    nodes = items(argument(node, STRUCTURES) or node)
    if facts is not None:
        return _configuration(source, node, facts)
    if nodes is None:
        raise source.error("" if not name_of(node) else f"{name_of(node)[:60]}(...) is not {KIND}", node)
    return _nodes(source, node, [_pairs(source, i, element) for i, element in enumerate(nodes)])


def _unwrapped(source: Source) -> tuple[int, str]:
    """Where the string ``|op~0|…`` begins and the string, taken out of ``[...]`` and ``Structure(...)``."""
    string, start = source.value, source.start
    for pattern in (_WRAPPED, _STRUCTURE):
        match = pattern.fullmatch(string)
        if match:
            start, string = start + match.start(1), match[1]
    return start, string


Node = list[tuple[str, int, ast.AST | int]]  # operation, state, and where that is written


def _string(source: Source, start: int, string: str) -> Cell:
    """``|a~0|+|b~0|c~1|+|d~0|e~1|f~2|``, with or without spaces between its parts."""
    nodes: list[Node] = []
    first = start
    for part in string.split("+"):
        if not re.fullmatch(r"\s*\|[^|]*(?:\|[^|]*)*\|\s*", part):
            raise source.error("the edges of a node stand between bars, such as |none~0|none~1|", start, len(part))
        edges: Node = []
        at = start + part.index("|") + 1
        for written in part.strip()[1:-1].split("|"):
            match = _EDGE.fullmatch(written)
            if not match or not match[1]:
                raise source.error(f"an edge is written operation~state, not {shorten(written)}", at, len(written))
            edges.append((match[1], int(match[2]), at))
            at += len(written) + 1
        nodes.append(edges)
        start += len(part) + 1
    return _nodes(source, first, nodes)


def _pairs(source: Source, number: int, node: ast.expr) -> Node:
    edges: Node = []
    for pair in items(node) or []:
        parts = items(pair) or []
        operation = text(parts[0]) if len(parts) == 2 else None
        if operation is None:
            raise source.error(
                f"node {number + 1}: an edge is a pair such as ('none', 0), not {shown(pair)}", pair
            )
        edges.append((operation, integer(source, f"node {number + 1}", parts[1]), pair))
    if not edges:
        raise source.error(f"node {number + 1} is a list of edges such as [('none', 0)], not {shown(node)}", node)
    return edges


def _nodes(source: Source, where: ast.AST | int, nodes: list[Node]) -> Cell:
    """The cell of three nodes, each with one edge from every state before it."""
    if len(nodes) != NODES:
        raise source.error(f"not {KIND}: {len(nodes) + 1} nodes with the input, where it has {NODES + 1}", where)
    operations = []
    for number, edges in enumerate(nodes, 1):
        by_state: dict[int, str] = {}
        for operation, state, at in edges:
            if operation not in OPERATIONS:
                known = closest(operation, list(OPERATIONS))
                raise source.error(f"unknown operation {shorten(operation)}: {known}", at, len(operation))
            if state >= number or state < 0:
                raise source.error(f"node {number} can take states 0 to {number - 1}, not {state}", at)
            if state in by_state:
                raise source.error(f"node {number} has two edges from state {state}", at)
            by_state[state] = operation
        absent = [state for state in range(number) if state not in by_state]
        if absent:
            raise source.error(
                f"node {number} lacks the edge from state {absent[0]}; write none~{absent[0]} if there is none",
                edges[0][2],
            )
        operations += [by_state[state] for state in range(number)]
    return Cell(tuple(operations))


def _configuration(source: Source, node: ast.expr, facts: Mapping[str, tuple[ast.expr, ast.expr]]) -> Cell:
    """``{'1<-0': 'none', '2<-0': …}``: one operation for each of the six edges."""
    names = [f"{target}<-{state}" for state, target in EDGES]
    for key, (at, _) in facts.items():
        if key not in names:
            raise source.error(f"{shorten(key)} is not a part of {KIND}; its edges are {', '.join(names)}", at)
    nodes: list[Node] = [[], [], []]
    for (state, target), key in zip(EDGES, names, strict=True):
        if key not in facts:
            raise source.error(f"the edge {key!r} is missing", node)
        operation = text(facts[key][1])
        if operation is None:
            raise source.error(f"an operation is a string, not {shown(facts[key][1])}", facts[key][1])
        nodes[target - 1].append((operation, state, facts[key][1]))
    return _nodes(source, node, nodes)
