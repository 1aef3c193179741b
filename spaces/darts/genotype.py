"""The DARTS genotype: two cells, read and written in the literature's own syntax."""

from __future__ import annotations

import ast
import re
import warnings
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
MAX_TEXT_CHARS = 20_000
MAX_NODES = 16
MAX_INTEGER = 100  # bounds what range() can make and what a message has to show
MAX_SYMMETRIC_NODES = 7  # nodes; in larger cells equal nodes keep their order in the canonical form
EXAMPLE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], reduce=[...], reduce_concat=[...])"
)


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
        raise UsageError(f"{name} needs two edges per node, so an even number of edges, not {len(edges)}")
    if len(edges) > 2 * MAX_NODES:
        raise UsageError(f"{name} has {len(edges)} edges; at most {2 * MAX_NODES} are accepted")
    for i, (operation, state) in enumerate(edges):
        if operation not in OPERATIONS:
            raise UsageError(
                f"{name} edge {i}: unknown operation {shorten(operation)}: {closest(operation, list(OPERATIONS))}"
            )
        if not 0 <= state < 2 + i // 2:
            raise UsageError(f"{name} edge {i}: node {2 + i // 2} can take states 0 to {1 + i // 2}, not {state}")
    last = 1 + len(edges) // 2
    if not 1 <= len(concat) <= 2 * MAX_NODES:
        raise UsageError(f"{name}_concat needs 1 to {2 * MAX_NODES} states, not {len(concat)}")
    for state in concat:
        if not 2 <= state <= last:
            raise UsageError(f"{name}_concat: {state} is not a node; nodes are 2 to {last}")


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


def _as_written(text: str) -> Genotype | None:
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


def parse(text: str) -> Genotype:
    """The genotype written in ``text``, read with `ast` and never evaluated.

    Accepts lists and tuples, keywords or positions, and ``range(2, 6)`` for a concat list.
    Raises `UsageError` saying what is wrong.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise UsageError(f"a genotype of {len(text)} characters; at most {MAX_TEXT_CHARS} are read")
    written = _as_written(text)
    if written is not None:
        return written
    try:
        with warnings.catch_warnings(action="ignore"):  # of escapes in its strings, which would go to the terminal
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise UsageError(f"not a genotype ({reason}): {shorten(text)}; expected {EXAMPLE}") from None
    fields = list(Genotype.__dataclass_fields__)
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "Genotype"):
        raise UsageError(f"not a genotype: {shorten(text)}; expected {EXAMPLE}")
    given = dict(zip(fields, tree.args, strict=False))
    if len(tree.args) > len(fields):
        raise UsageError(f"a genotype has {len(fields)} parts ({', '.join(fields)}), not {len(tree.args)}")
    for keyword in tree.keywords:
        if keyword.arg not in fields or keyword.arg in given:
            wrong = "repeated" if keyword.arg in given else "unknown"
            raise UsageError(
                f"{wrong} part {shorten(str(keyword.arg))} of a genotype; its parts are {', '.join(fields)}"
            )
        given[keyword.arg] = keyword.value
    missing = [field for field in fields if field not in given]
    if missing:
        raise UsageError(f"the genotype lacks {', '.join(missing)}; expected {EXAMPLE}")
    return Genotype(
        _edges("normal", given["normal"]),
        _states("normal_concat", given["normal_concat"]),
        _edges("reduce", given["reduce"]),
        _states("reduce_concat", given["reduce_concat"]),
    )


def _written(node: ast.expr) -> str:
    """The source of ``node`` for a message; depth and digits have limits that a hostile text can pass."""
    try:
        return shorten(ast.unparse(node))
    except (RecursionError, ValueError):
        return "something too long to show"


def _items(name: str, node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, (ast.List, ast.Tuple)):
        raise UsageError(f"{name} must be a list, such as {EXAMPLE}")
    return node.elts


def _integer(name: str, node: ast.expr) -> int:
    if not (isinstance(node, ast.Constant) and type(node.value) is int and node.value <= MAX_INTEGER):
        raise UsageError(f"{name}: a state must be a small non-negative integer, not {_written(node)}")
    return node.value


def _edges(name: str, node: ast.expr) -> tuple[Edge, ...]:
    edges = []
    for item in _items(name, node):
        parts = item.elts if isinstance(item, (ast.List, ast.Tuple)) else []
        if len(parts) != 2 or not (isinstance(parts[0], ast.Constant) and isinstance(parts[0].value, str)):
            raise UsageError(f"{name}: an edge is a pair such as ('sep_conv_3x3', 0), not {_written(item)}")
        edges.append((parts[0].value, _integer(name, parts[1])))
    return tuple(edges)


def _states(name: str, node: ast.expr) -> tuple[int, ...]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("list", "tuple"):
        node = node.args[0] if len(node.args) == 1 and not node.keywords else node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        bounds = [_integer(name, argument) for argument in node.args]
        if not 1 <= len(bounds) <= 2 or node.keywords:
            raise UsageError(f"{name}: only range(start, stop) is understood, such as range(2, 6)")
        return tuple(range(*bounds))
    return tuple(_integer(name, item) for item in _items(name, node))


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
