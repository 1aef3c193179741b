"""The DARTS genotype: two cells, read and written in the literature's own syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from spaces.errors import UsageError, shorten
from spaces.registry import closest

Edge = tuple[str, int]  # operation, input state: 0 and 1 are the previous two cells, 2.. the nodes in order

SEARCHED = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
OPERATIONS = (*SEARCHED, "none", "sep_conv_7x7", "conv_7x1_1x7")  # the last three: published cells only

NODES = 4
MAX_NODES = 16
MAX_SYMMETRIC_NODES = 7  # nodes; in larger cells equal nodes keep their order in the canonical form
EXAMPLE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], reduce=[...], reduce_concat=[...])"
)


class Misplaced(UsageError):
    """What is wrong with ``index`` of ``part``; with -1 it is the whole part."""

    def __init__(self, reason: str, part: str, index: int = -1) -> None:
        super().__init__(reason)
        self.part, self.index = part, index


@dataclass(frozen=True, slots=True)
class Genotype:
    """A normal and a reduction cell: two edges per node, and the states that are concatenated.

    Raises `UsageError` on construction if an operation, a state or a length is wrong.
    """

    normal: tuple[Edge, ...]
    normal_concat: tuple[int, ...]
    reduce: tuple[Edge, ...]
    reduce_concat: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_cell("normal", self.normal, self.normal_concat)
        _check_cell("reduce", self.reduce, self.reduce_concat)

    def __str__(self) -> str:
        return (
            f"Genotype(normal={list(self.normal)}, normal_concat={list(self.normal_concat)}, "
            f"reduce={list(self.reduce)}, reduce_concat={list(self.reduce_concat)})"
        )

    __repr__ = __str__

    @property
    def strict(self) -> bool:
        """Whether it lies in the searched space: 4 nodes, 7 operations, different inputs, concat 2..5."""
        return all(
            len(cell) == 2 * NODES
            and concat == (2, 3, 4, 5)
            and all(operation in SEARCHED for operation, _ in cell)
            and all(cell[i][1] != cell[i + 1][1] for i in range(0, len(cell), 2))
            for cell, concat in ((self.normal, self.normal_concat), (self.reduce, self.reduce_concat))
        )


def _check_cell(name: str, edges: tuple[Edge, ...], concat: tuple[int, ...]) -> None:
    if not edges or len(edges) % 2:
        raise Misplaced(f"{name} needs two edges per node, so an even number of edges, not {len(edges)}", name)
    if len(edges) > 2 * MAX_NODES:
        raise Misplaced(f"{name} has {len(edges)} edges; at most {2 * MAX_NODES} are accepted", name)
    for i, (operation, state) in enumerate(edges):
        if operation not in OPERATIONS:
            known = closest(operation, list(OPERATIONS))
            raise Misplaced(f"{name} edge {i}: unknown operation {shorten(operation)}: {known}", name, i)
        if not 0 <= state < 2 + i // 2:
            raise Misplaced(
                f"{name} edge {i}: node {2 + i // 2} can take states 0 to {1 + i // 2}, not {state}", name, i
            )
    last = 1 + len(edges) // 2
    if not 1 <= len(concat) <= 2 * MAX_NODES:
        raise Misplaced(f"{name}_concat needs 1 to {2 * MAX_NODES} states, not {len(concat)}", f"{name}_concat")
    for i, state in enumerate(concat):
        if not 2 <= state <= last:
            raise Misplaced(f"{name}_concat: {state} is not a node; nodes are 2 to {last}", f"{name}_concat", i)


_STATE = r"(?:0|[1-9]\d?)"
_PAIR = rf"\('\w{{1,20}}', {_STATE}\)"
_EDGES = rf"\[({_PAIR}(?:, {_PAIR})*)\]"
_STATES = rf"\[({_STATE}(?:, {_STATE})*)\]"
_WRITTEN = re.compile(
    rf"Genotype\(normal={_EDGES}, normal_concat={_STATES}, reduce={_EDGES}, reduce_concat={_STATES}\)"
)
_EDGE = re.compile(r"'(\w+)', (\d+)")


@lru_cache(maxsize=1024)
def _edge(operation: str, state: str) -> Edge:
    """One object for all edges that are equal: a table holds millions of them."""
    return operation, int(state)


def as_written(text: str) -> Genotype | None:
    """The genotype if ``text`` is as ``str`` writes it: most are, and the syntax tree takes five times as long."""
    match = _WRITTEN.fullmatch(text)
    if match is None or not text.isascii():
        return None
    normal, normal_concat, reduce, reduce_concat = match.groups()
    return Genotype(
        tuple(_edge(*found) for found in _EDGE.findall(normal)),
        tuple(map(int, normal_concat.split(", "))),
        tuple(_edge(*found) for found in _EDGE.findall(reduce)),
        tuple(map(int, reduce_concat.split(", "))),
    )


@lru_cache(maxsize=8192)
def canonical_cell(edges: tuple[Edge, ...], concat: tuple[int, ...]) -> tuple[tuple[Edge, ...], tuple[int, ...]]:
    """The smallest renaming of a cell: over all valid orders of its nodes, edges sorted within each node.

    Swapping a node's inputs or renumbering nodes leaves the function unchanged (concatenated channels
    are permuted, which the next 1x1 convolution absorbs).
    """
    nodes = [edges[i : i + 2] for i in range(0, len(edges), 2)]
    found = _smallest_order(nodes, concat, {0: 0, 1: 1}, ())
    return found[0], found[1]


def _smallest_order(
    nodes: list[tuple[Edge, ...]], concat: tuple[int, ...], names: dict[int, int], placed: tuple[Edge, ...]
) -> tuple[tuple[Edge, ...], tuple[int, ...]]:
    """The smallest continuation of ``placed``: the node with the smallest edges comes next; ties are all tried."""
    new = len(names)
    if new == 2 + len(nodes):
        return placed, tuple(sorted(names[state] for state in concat))
    ready = []
    for i, pair in enumerate(nodes):
        if 2 + i not in names and all(state in names for _, state in pair):
            renamed = [(names[state], operation) for operation, state in pair]
            ready.append((sorted(renamed), 2 + i))
    smallest = min(ready)[0]
    ties = [old for renamed, old in ready if renamed == smallest]
    placed = (*placed, *((operation, state) for state, operation in smallest))
    if len(nodes) > MAX_SYMMETRIC_NODES:
        ties = ties[:1]
    return min(_smallest_order(nodes, concat, {**names, old: new}, placed) for old in ties)


def canonical(genotype: Genotype) -> Genotype:
    """The form shared by all genotypes that differ by renaming only."""
    normal, normal_concat = canonical_cell(genotype.normal, genotype.normal_concat)
    reduce, reduce_concat = canonical_cell(genotype.reduce, genotype.reduce_concat)
    return Genotype(normal, normal_concat, reduce, reduce_concat)
