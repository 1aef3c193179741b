"""What a cell computes, in a few numbers: the operations on its live paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np

from spaces import Space
from spaces.graph import CellGraph

WEIGHTED = ("separable", "dilated", "convolution", "factorized", "residual", "other")
POOLING = ("max pooling", "average pooling")
MAX_RECENT = 20_000  # vectors that are kept, more than NAS-Bench-201 has
MAX_PATHS = 10_000  # of a cell; a denser one is described by the first of them


class PathStatistics:
    """The vector ``of(genotype)``, (d,): for each cell ``log(1 + paths)``, then counts along its paths.

    The counts are the largest, smallest and mean number, over the paths from an input of the cell to an output, of
    operations with weights, of those with the largest kernel of the space, and of poolings. An operation that
    passes nothing ends a path; a cell without a path has zeros.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.of = lru_cache(MAX_RECENT)(self._of)
        kinds = {name: operation.kind for name, operation in space.operations.items()}
        kernel = {name: _kernel(name) for name, kind in kinds.items() if kind in WEIGHTED}
        largest = max((kernel[name] for name in _searched(space) if name in kernel), default=0)
        self.silent = {name for name, operation in space.operations.items() if operation.silent}
        self.groups = (
            set(kernel),
            {name for name, size in kernel.items() if size == largest},
            {name for name, kind in kinds.items() if kind in POOLING},
        )

    def _of(self, genotype: Any) -> np.ndarray:
        return np.concatenate([self._cell(graph) for graph in self.space.graphs(genotype)])

    def _cell(self, graph: CellGraph) -> np.ndarray:
        counts = np.array(list(islice(self._paths(graph), MAX_PATHS)), dtype=float)
        if not len(counts):
            return np.zeros(1 + 3 * len(self.groups))
        return np.array([np.log1p(len(counts)), *counts.max(axis=0), *counts.min(axis=0), *counts.mean(axis=0)])

    def _paths(self, graph: CellGraph) -> Iterator[tuple[int, ...]]:
        """The counts of every path that ends in an output."""
        into: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
        for source, target, operation in graph.arrows:
            if operation not in self.silent:
                counts = tuple(int(operation in group) for group in self.groups)
                into.setdefault(target, []).append((source, counts))
        pending = [(state, (0,) * len(self.groups)) for state in graph.outputs]
        while pending:
            state, counts = pending.pop()
            if state < graph.inputs:
                yield counts
            for source, more in into.get(state, ()):
                pending.append((source, tuple(a + b for a, b in zip(counts, more, strict=True))))


def _searched(space: Space) -> set[str]:
    """The operations within one edit of a genotype; a space may know others, of published genotypes."""
    genotype = space.random(np.random.default_rng(0))
    genotypes = (genotype, *space.neighbours(genotype))
    return {arrow.operation for each in genotypes for graph in space.graphs(each) for arrow in graph.arrows}


def _kernel(name: str) -> int:
    found = re.search(r"(\d+)x\d+", name)
    return int(found[1]) if found else 1
