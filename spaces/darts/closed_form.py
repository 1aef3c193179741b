"""Layers of a DARTS network without building it: the source of params, FLOPs and the size proxies."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from spaces.darts.genotype import Edge, Genotype
from spaces.darts.layers import STEM_MULTIPLIER, factorized_reduce_layers, operation_tally, reductions
from spaces.size import Layer, NetworkSize, StageTally, Tally, tally


class Liveness(NamedTuple):
    """The live part of a cell, on a path from the images to its output."""

    edges: tuple[bool, ...]
    inputs: tuple[bool, bool]
    output: bool  # whether it is not all zeros


@lru_cache(maxsize=8192)
def live_edges(
    edges: tuple[Edge, ...], concat: tuple[int, ...], fed_inputs: tuple[bool, bool] = (True, True)
) -> Liveness:
    """The live edges of a cell; ``fed_inputs`` says which of its two inputs are not all zeros."""
    states = 2 + len(edges) // 2
    fed = [*fed_inputs] + [False] * (states - 2)  # forwards: not constantly zero
    for i, (operation, state) in enumerate(edges):
        fed[2 + i // 2] |= operation != "none" and fed[state]
    used = [state in concat for state in range(states)]  # backwards: reaches the output
    live = [False] * len(edges)
    for i in reversed(range(len(edges))):
        operation, state = edges[i]
        live[i] = operation != "none" and fed[state] and used[2 + i // 2]
        used[state] |= live[i]
    return Liveness(tuple(live), (used[0], used[1]), any(fed[state] for state in concat))


def live_cells(genotype: Genotype, layers: int) -> tuple[list[bool], list[Liveness]]:
    """Whether the outputs of the stem (index 0) and of each cell (1..L) lie on such a path; the cells' insides."""
    fed, cells = [True], []
    known: dict[tuple[bool, bool, bool], Liveness] = {}
    for i in range(layers):
        reduction, inputs = i in reductions(layers), (fed[max(i - 1, 0)], fed[i])  # the stem twice for i = 0
        if (reduction, *inputs) not in known:
            edges = genotype.reduce if reduction else genotype.normal
            concat = genotype.reduce_concat if reduction else genotype.normal_concat
            known[(reduction, *inputs)] = live_edges(edges, concat, inputs)
        cells.append(known[(reduction, *inputs)])
        fed.append(cells[i].output)
    live = [False] * layers + [fed[layers]]
    for i in reversed(range(layers)):
        if live[i + 1]:
            live[i] |= cells[i].inputs[1]
            live[max(i - 1, 0)] |= cells[i].inputs[0]
    return live, cells


class CellShape(NamedTuple):
    """Everything except its edges that the totals of a cell depend on."""

    c_prev_prev: int
    c_prev: int
    channels: int
    side: int  # of the previous cell's output
    reduction: bool
    reduction_prev: bool
    live: bool


@lru_cache(maxsize=8192)
def _cell(edges: tuple[Edge, ...], liveness: Liveness, shape: CellShape) -> Tally:
    """Totals of one cell."""
    channels, side = shape.channels, shape.side
    side_out = -(-side // 2) if shape.reduction else side
    before = (
        factorized_reduce_layers(shape.c_prev_prev, channels, side * side)
        if shape.reduction_prev
        else (Layer(channels, shape.c_prev_prev, side * side, 2 * channels),)
    )
    parts = [
        tally(before, shape.live and liveness.inputs[0]),
        tally([Layer(channels, shape.c_prev, side * side, 2 * channels)], shape.live and liveness.inputs[1]),
    ]
    for (operation, state), live in zip(edges, liveness.edges, strict=True):
        side_in, stride = (side, 2) if shape.reduction and state < 2 else (side_out, 1)
        parts.append(operation_tally(operation, channels, stride, side_in, side_out, shape.live and live))
    return Tally(*map(sum, zip(*parts, strict=True)))


class Plan(NamedTuple):
    """The skeleton of a network: the shapes of its cells."""

    stem: StageTally
    cells: tuple[tuple[int, CellShape], ...]  # size C*H*W of the output, shape; equal shapes are one object
    pooled: StageTally


@lru_cache(maxsize=1024)
def _plan(size: NetworkSize, normal_width: int, reduce_width: int, live: tuple[bool, ...]) -> Plan:
    """``normal_width`` and ``reduce_width``: how many nodes are concatenated."""
    c_stem, side = STEM_MULTIPLIER * size.channels, size.image_size
    stem = StageTally(c_stem * side * side, tally([Layer(c_stem, 27, side * side, 2 * c_stem)], live[0]))
    c_prev_prev, c_prev, channels, reduction_prev = c_stem, c_stem, size.channels, False
    cells: list[tuple[int, CellShape]] = []
    shapes: dict[CellShape, CellShape] = {}
    for i in range(size.layers):
        reduction = i in reductions(size.layers)
        channels *= 2 if reduction else 1
        shape = CellShape(c_prev_prev, c_prev, channels, side, reduction, reduction_prev, live[i + 1])
        side = -(-side // 2) if reduction else side
        c_prev_prev, c_prev = c_prev, (reduce_width if reduction else normal_width) * channels
        reduction_prev = reduction
        cells.append((c_prev * side * side, shapes.setdefault(shape, shape)))
    classifier = tally([Layer(size.classes, c_prev, 1, size.classes)], live[-1])
    return Plan(stem, tuple(cells), StageTally(c_prev, classifier))


@lru_cache(maxsize=4096)
def stages(genotype: Genotype, size: NetworkSize) -> tuple[StageTally, ...]:
    """The stem, every cell and the pooled vector, each with its layers."""
    live, inside = live_cells(genotype, size.layers)
    plan = _plan(size, len(genotype.normal_concat), len(genotype.reduce_concat), tuple(live))
    found = [plan.stem]
    last: tuple[CellShape, Liveness] | None = None  # most cells of a network are equal
    for (features, shape), liveness in zip(plan.cells, inside, strict=True):
        if last is None or shape is not last[0] or liveness is not last[1]:
            edges = genotype.reduce if shape.reduction else genotype.normal
            totals, last = _cell(edges, liveness, shape), (shape, liveness)
        found.append(StageTally(features, totals))
    found.append(plan.pooled)
    return tuple(found)
