"""The NAS-Bench-201 cell: six edges between four nodes, written ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``.

Source: Dong and Yang, "NAS-Bench-201", ICLR 2020; Dong et al., "NATS-Bench", TPAMI 2021.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from spaces.errors import UsageError, shorten
from spaces.registry import closest

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # (from, to), in the order of the string
EXAMPLE = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"

PATTERN = re.compile(r"\|([^|~+]+)~0\|\+\|([^|~+]+)~0\|([^|~+]+)~1\|\+\|([^|~+]+)~0\|([^|~+]+)~1\|([^|~+]+)~2\|")


@dataclass(frozen=True, slots=True)
class Cell:
    """The operations of the six edges, in the order of `EDGES`. Raises `UsageError` for unknown operations."""

    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.operations) != len(EDGES):
            raise UsageError(f"a cell has {len(EDGES)} operations, not {len(self.operations)}")
        for operation in self.operations:
            if operation not in OPERATIONS:
                raise UsageError(f"unknown operation {shorten(operation)}: {closest(operation, list(OPERATIONS))}")

    def __str__(self) -> str:
        a, b, c, d, e, f = self.operations
        return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"

    __repr__ = __str__


def canonical(cell: Cell) -> Cell:
    """The smaller of the cell and its renaming: nodes 1 and 2 can change places where no operation joins them."""
    a, b, c, d, e, f = cell.operations
    if c != "none":
        return cell
    return Cell(min(cell.operations, (b, a, c, d, f, e)))


@lru_cache(maxsize=16384)
def key(cell: Cell) -> str:
    """The isomorphism class as the benchmark counts it (6,466 classes): the expression of the output node.

    A ``skip_connect`` stands for its input, whatever follows ``none`` is ``#``, terms of a sum are sorted.
    The expression does not say whether two equal terms share their weights, so cells of one class may differ
    in their number of convolutions; and it counts the ``#`` of a node, so 1,436 cells fall in another class than
    their renaming by `canonical`.
    """
    expression = {0: "0"}
    for node in (1, 2, 3):
        terms = []
        for operation, (source, target) in zip(cell.operations, EDGES, strict=True):
            if target != node:
                continue
            x = expression[source]
            if operation == "none" or x == "#":
                terms.append("#")
            elif operation == "skip_connect":
                terms.append(x)
            else:
                terms.append(f"({x})@{operation}")
        expression[node] = "+".join(sorted(terms))
    return expression[3]


@lru_cache(maxsize=16384)
def live_edges(cell: Cell) -> tuple[bool, ...]:
    """Which of the six edges lie on a path from the cell's input to its output."""
    fed = [True, False, False, False]
    for operation, (source, target) in zip(cell.operations, EDGES, strict=True):
        fed[target] |= operation != "none" and fed[source]
    used = [False, False, False, True]
    live = [False] * len(EDGES)
    for i in reversed(range(len(EDGES))):
        source, target = EDGES[i]
        live[i] = cell.operations[i] != "none" and fed[source] and used[target]
        used[source] |= live[i]
    return tuple(live)
