"""How often each operation stands after which others in a cell: a histogram of labels of its arrows."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from spaces import Space
from spaces.graph import Arrow, CellGraph

WIDTH = 512  # entries of a histogram; labels are hashed to them
MAX_RECENT = 20_000  # histograms that are kept, more than NAS-Bench-201 has


class LabelHistogram:
    """The vector ``of(genotype)``, (512,): how often each label stands on the live arrows of a genotype.

    An arrow is live if it lies on a path from an input of the cell to an output. It has two labels: its operation,
    and its operation with those of the live arrows into its source, or with the note that this is an input.
    Source: Shervashidze et al., "Weisfeiler-Lehman Graph Kernels", JMLR 12, 2011, with h = 1.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.of = lru_cache(MAX_RECENT)(self._of)
        self.silent = {name for name, operation in space.operations.items() if operation.silent}

    def _of(self, genotype: Any) -> np.ndarray:
        counts = np.zeros(WIDTH, dtype=np.float32)
        for number, graph in enumerate(self.space.graphs(genotype)):
            for label in self._labels(graph):
                counts[zlib.crc32(f"{number} {label}".encode()) % WIDTH] += 1
        return counts

    def _labels(self, graph: CellGraph) -> Iterator[str]:
        live = self.live(graph)
        into: dict[int, list[str]] = {}
        for arrow in live:
            into.setdefault(arrow.target, []).append(arrow.operation)
        for arrow in live:
            yield arrow.operation
            before = "input" if arrow.source < graph.inputs else " ".join(sorted(into[arrow.source]))
            yield f"{arrow.operation} after {before}"

    def live(self, graph: CellGraph) -> list[Arrow]:
        """The arrows on a path from an input to an output, without those that pass nothing."""
        arrows = sorted(arrow for arrow in graph.arrows if arrow.operation not in self.silent)
        fed, used = set(range(graph.inputs)), set(graph.outputs)
        for arrow in sorted(arrows, key=lambda arrow: arrow.target):
            if arrow.source in fed:
                fed.add(arrow.target)
        for arrow in sorted(arrows, key=lambda arrow: -arrow.target):
            if arrow.target in used:
                used.add(arrow.source)
        return [arrow for arrow in arrows if arrow.source in fed and arrow.target in used]
