"""The RobNet genotype: a code of fourteen edges for all cells, or one for each cell.

Source: Guo, Yang, Xu, Liu, Lin, "When NAS Meets Robustness", CVPR 2020, arXiv:1911.10695.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

from spaces.errors import UsageError, shorten

Code = tuple[str, ...]  # the operations of the edges, in the order of `EDGES`

OPERATIONS = {"00": "zero", "01": "sep_conv_3x3", "10": "identity", "11": "residual sep_conv_3x3"}
NODES = 4
EDGES = tuple((source, 2 + node) for node in range(NODES) for source in range(2 + node))  # 0, 1: the cell's inputs
MAX_CODES = 256
EXAMPLE = "RobNet(cells=['11|10|11|11|10|11|01|01|10|11|11|00|11|01']), or with one such code for each cell"

_PLACES = {edge: place for place, edge in enumerate(EDGES)}


class Misplaced(UsageError):
    """What is wrong with ``edge`` of ``cell``; None stands for all."""

    def __init__(self, reason: str, cell: int | None = None, edge: int | None = None) -> None:
        super().__init__(reason)
        self.cell, self.edge = cell, edge


@dataclass(frozen=True, slots=True)
class Genotype:
    """The codes of the cells; a single one is used for all. Raises `UsageError` for an invalid code."""

    cells: tuple[Code, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.cells) <= MAX_CODES:
            raise Misplaced(f"a RobNet has 1 to {MAX_CODES} codes, not {len(self.cells)}")
        for i, code in enumerate(self.cells):
            if len(code) != len(EDGES):
                raise Misplaced(f"cell {i}: a code has {len(EDGES)} edges, not {len(code)}", i)
            for edge, operation in enumerate(code):
                if operation not in OPERATIONS:
                    known = ", ".join(f"{short} {name}" for short, name in OPERATIONS.items())
                    reason = f"cell {i} edge {edge}: unknown operation {shorten(operation)}; use {known}"
                    raise Misplaced(reason, i, edge)

    def __str__(self) -> str:
        return f"RobNet(cells={['|'.join(code) for code in self.cells]})"

    __repr__ = __str__

    def codes(self, layers: int) -> tuple[Code, ...]:
        """One code for each of ``layers`` cells. Raises `UsageError` if their number differs."""
        if len(self.cells) not in (1, layers):
            raise UsageError(
                f"this RobNet has a code for each of {len(self.cells)} cells and cannot be built with {layers}: "
                f"use --layers {len(self.cells)}, or a genotype with one code for all cells"
            )
        return self.cells if len(self.cells) == layers else self.cells * layers


@lru_cache(maxsize=8192)
def canonical_code(code: Code) -> Code:
    """The smallest renaming of a cell, over all orders in which every node follows those that it reads.

    Renumbering nodes permutes the channels of the output, which the layers after it absorb.
    """
    joined = [edge for edge, operation in zip(EDGES, code, strict=True) if operation != "00" and edge[0] > 1]
    found = []
    for order in permutations(range(2, 2 + NODES)):
        old = (0, 1, *order)  # old number of each new state
        if all(old.index(source) < old.index(target) for source, target in joined):
            places = [_PLACES.get((old[source], old[target])) for source, target in EDGES]
            found.append(tuple("00" if place is None else code[place] for place in places))
    return min(found)


def canonical(genotype: Genotype) -> Genotype:
    """The form shared by all genotypes that differ by renaming nodes within their cells."""
    return Genotype(tuple(canonical_code(code) for code in genotype.cells))


def key(genotype: Genotype) -> str:
    """The canonical form; equal codes for all cells are written as the one code that means the same network."""
    cells = canonical(genotype).cells
    return str(Genotype(cells[:1] if len(set(cells)) == 1 else cells))
