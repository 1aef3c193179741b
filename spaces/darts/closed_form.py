"""Layers of a DARTS network without building it: the source of params, FLOPs and the size proxies."""

from __future__ import annotations

from functools import lru_cache

from spaces.darts.genotype import Edge, Genotype
from spaces.darts.layers import operation_tally
from spaces.size import NetworkSize, StageTally, Tally
from spaces.skeleton import closed_form, liveness
from spaces.skeleton.closed_form import CellShape, cell_tally
from spaces.skeleton.layers import reductions, stems
from spaces.skeleton.liveness import Inputs, Liveness

Cell = tuple[tuple[Edge, ...], tuple[int, ...]]  # edges, states that are concatenated


@lru_cache(maxsize=8192)
def live_edges(edges: tuple[Edge, ...], concat: tuple[int, ...], fed_inputs: Inputs = (True, True)) -> Liveness:
    """The live edges of a cell; ``fed_inputs`` says which of its two inputs are not all zeros."""
    ends = [(state, 2 + i // 2, operation != "none") for i, (operation, state) in enumerate(edges)]
    return liveness.liveness(ends, 2 + len(edges) // 2, concat, fed_inputs)


def _cells(genotype: Genotype, layers: int) -> list[Cell]:
    normal, reduce = (genotype.normal, genotype.normal_concat), (genotype.reduce, genotype.reduce_concat)
    cells = [normal] * layers
    for i in reductions(layers):
        cells[i] = reduce
    return cells


def live_cells(genotype: Genotype, size: NetworkSize) -> tuple[list[bool], list[Liveness]]:
    """Whether the outputs of the stems and then of each cell are live; the cells' insides."""
    return liveness.live_cells(_cells(genotype, size.layers), _live, len(stems(size)))


def _live(cell: Cell, inputs: Inputs) -> Liveness:
    return live_edges(*cell, inputs)


@lru_cache(maxsize=8192)
def _tally(cell: Cell, live: Liveness, shape: CellShape) -> Tally:
    return cell_tally(shape, live, cell[0], operation_tally)


@lru_cache(maxsize=4096)
def stages(genotype: Genotype, size: NetworkSize) -> tuple[StageTally, ...]:
    """The stems, every cell and the pooled vector, each with its layers."""
    cells = _cells(genotype, size.layers)
    widths = len(genotype.normal_concat), len(genotype.reduce_concat)
    return closed_form.stages(size, cells, live_cells(genotype, size), widths, _tally)
