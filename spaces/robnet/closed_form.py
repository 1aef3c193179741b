"""Layers of a RobNet without building it: the source of params, FLOPs and the size proxies."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from spaces.darts.layers import STEM_MULTIPLIER, factorized_reduce_layers, operation_layers, reductions
from spaces.robnet.genotype import EDGES, NODES, Code, Genotype
from spaces.size import Layer, NetworkSize, StageTally, Tally, tally


class Liveness(NamedTuple):
    """The live part of a cell, on a path from the images to its output."""

    edges: tuple[bool, ...]
    inputs: tuple[bool, bool]
    output: bool  # whether it is not all zeros


@lru_cache(maxsize=8192)
def live_edges(code: Code, fed_inputs: tuple[bool, bool] = (True, True)) -> Liveness:
    """The live edges of a cell, all of whose nodes are its output; ``fed_inputs``: which inputs are not zeros."""
    fed = [*fed_inputs] + [False] * NODES
    for operation, (source, target) in zip(code, EDGES, strict=True):
        fed[target] |= operation != "00" and fed[source]
    live = tuple(
        operation != "00" and fed[source] for operation, (source, _) in zip(code, EDGES, strict=True)
    )  # every node is concatenated, so what is fed is used
    used = [any(on and source == i for on, (source, _) in zip(live, EDGES, strict=True)) for i in (0, 1)]
    return Liveness(live, (used[0], used[1]), any(fed[2:]))


def live_cells(codes: tuple[Code, ...]) -> tuple[list[bool], list[Liveness]]:
    """Whether the outputs of the stem (index 0) and of each cell (1..L) lie on such a path; the cells' insides."""
    fed, cells = [True], []
    for i, code in enumerate(codes):
        cells.append(live_edges(code, (fed[max(i - 1, 0)], fed[i])))  # the stem twice for i = 0
        fed.append(cells[i].output)
    live = [False] * len(codes) + [fed[-1]]
    for i in reversed(range(len(codes))):
        if live[i + 1]:
            live[i] |= cells[i].inputs[1]
            live[max(i - 1, 0)] |= cells[i].inputs[0]
    return live, cells


class CellShape(NamedTuple):
    """Everything except its code that the totals of a cell depend on."""

    c_prev_prev: int
    c_prev: int
    channels: int
    side: int  # of the previous cell's output
    reduction: bool
    reduction_prev: bool
    live: bool


def _bare(layers: tuple[Layer, ...]) -> list[Layer]:
    """The same layers with BatchNorm that has no parameters."""
    return [layer._replace(extra=0) for layer in layers]


@lru_cache(maxsize=4096)
def _edge(operation: str, channels: int, stride: int, side: int, live: bool) -> Tally:
    """Totals of one edge whose output has ``side`` pixels; '01' and '11' convolve, '10' and '11' hand on."""
    layers = []
    if operation[1] == "1":
        layers += _bare(operation_layers("sep_conv_3x3", channels, stride, side * stride, side))
    if operation[0] == "1":
        layers += _bare(operation_layers("skip_connect", channels, stride, side * stride, side))
    return tally(layers, live)


@lru_cache(maxsize=8192)
def _cell(code: Code, liveness: Liveness, shape: CellShape) -> Tally:
    channels, area = shape.channels, shape.side * shape.side
    before = (
        factorized_reduce_layers(shape.c_prev_prev, channels, area)
        if shape.reduction_prev
        else (Layer(channels, shape.c_prev_prev, area),)
    )
    parts = [
        tally(_bare(before), shape.live and liveness.inputs[0]),
        tally([Layer(channels, shape.c_prev, area)], shape.live and liveness.inputs[1]),
    ]
    side = -(-shape.side // 2) if shape.reduction else shape.side
    for operation, (source, _), live in zip(code, EDGES, liveness.edges, strict=True):
        stride = 2 if shape.reduction and source < 2 else 1
        parts.append(_edge(operation, channels, stride, side, shape.live and live))
    return Tally(*map(sum, zip(*parts, strict=True)))


@lru_cache(maxsize=4096)
def stages(genotype: Genotype, size: NetworkSize) -> tuple[StageTally, ...]:
    """The stem, every cell and the pooled vector, each with its layers."""
    codes = genotype.codes(size.layers)
    live, inside = live_cells(codes)
    c_stem, side = STEM_MULTIPLIER * size.channels, size.image_size
    stem = tally([Layer(c_stem, 27, side * side, 2 * c_stem)], live[0])  # its BatchNorm alone has parameters
    found = [StageTally(c_stem * side * side, stem)]
    c_prev_prev, c_prev, channels, reduction_prev = c_stem, c_stem, size.channels, False
    for i, code in enumerate(codes):
        reduction = i in reductions(size.layers)
        channels *= 2 if reduction else 1
        shape = CellShape(c_prev_prev, c_prev, channels, side, reduction, reduction_prev, live[i + 1])
        side = -(-side // 2) if reduction else side
        c_prev_prev, c_prev, reduction_prev = c_prev, NODES * channels, reduction
        found.append(StageTally(c_prev * side * side, _cell(code, inside[i], shape)))
    classifier = tally([Layer(size.classes, c_prev, 1, size.classes)], live[-1])
    return (*found, StageTally(c_prev, classifier))
