"""Layers of a RobNet without building it: the source of params, FLOPs and the size proxies."""

from __future__ import annotations

from functools import lru_cache

from spaces.darts.layers import operation_layers
from spaces.robnet.genotype import EDGES, NODES, Code, Genotype
from spaces.size import NetworkSize, StageTally, Tally, tally
from spaces.skeleton import closed_form, liveness
from spaces.skeleton.closed_form import CellShape, cell_tally
from spaces.skeleton.layers import bare, stems
from spaces.skeleton.liveness import Inputs, Liveness

SOURCES = tuple(source for source, _ in EDGES)


@lru_cache(maxsize=8192)
def live_edges(code: Code, fed_inputs: Inputs = (True, True)) -> Liveness:
    """The live edges of a cell, all of whose nodes are its output; ``fed_inputs``: which inputs are not zeros."""
    ends = [(*edge, operation != "00") for edge, operation in zip(EDGES, code, strict=True)]
    return liveness.liveness(ends, 2 + NODES, range(2, 2 + NODES), fed_inputs)


@lru_cache(maxsize=4096)
def _edge(operation: str, channels: int, stride: int, side_in: int, side_out: int, live: bool) -> Tally:
    """Totals of one edge; '01' and '11' convolve, '10' and '11' hand on."""
    sides = side_in, side_out
    convolved = operation_layers("sep_conv_3x3", channels, stride, *sides) if operation[1] == "1" else ()
    passed = operation_layers("skip_connect", channels, stride, *sides) if operation[0] == "1" else ()
    return tally(bare((*convolved, *passed)), live)


@lru_cache(maxsize=8192)
def _tally(code: Code, live: Liveness, shape: CellShape) -> Tally:
    return cell_tally(shape, live, zip(code, SOURCES, strict=True), _edge, affine=False)


@lru_cache(maxsize=4096)
def stages(genotype: Genotype, size: NetworkSize) -> tuple[StageTally, ...]:
    """The stems, every cell and the pooled vector, each with its layers."""
    codes = genotype.codes(size.layers)
    live = liveness.live_cells(codes, live_edges, len(stems(size)))
    return closed_form.stages(size, codes, live, (NODES, NODES), _tally)
