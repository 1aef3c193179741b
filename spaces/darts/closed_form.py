"""Layers of a DARTS network without building it: the source of params, FLOPs and the size proxies."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from spaces.darts.genotype import Edge, Genotype
from spaces.darts.network import STEM_MULTIPLIER, reductions
from spaces.darts.operations import factorized_reduce_layers, operation_tally
from spaces.size import Layer, NetworkSize, StageTally, Tally, tally


@lru_cache(maxsize=8192)
def live_edges(edges: tuple[Edge, ...], concat: tuple[int, ...]) -> tuple[tuple[bool, ...], frozenset[int]]:
    """Which edges lie on a path from an input to the cell's output, and which inputs (0, 1) such paths use."""
    states = 2 + len(edges) // 2
    fed = [True, True] + [False] * (states - 2)  # forwards: not constantly zero
    for i, (operation, state) in enumerate(edges):
        fed[2 + i // 2] |= operation != "none" and fed[state]
    used = [state in concat for state in range(states)]  # backwards: reaches the output
    live = [False] * len(edges)
    for i in reversed(range(len(edges))):
        operation, state = edges[i]
        live[i] = operation != "none" and fed[state] and used[2 + i // 2]
        used[state] |= live[i]
    return tuple(live), frozenset(state for state in (0, 1) if used[state])


def live_cells(normal_inputs: frozenset[int], reduce_inputs: frozenset[int], layers: int) -> list[bool]:
    """Whether the output of the stem (index 0) and of each cell (1..L) reaches the classifier."""
    uses = [reduce_inputs if i in reductions(layers) else normal_inputs for i in range(layers)]
    live = [False] * layers + [True]
    for i in reversed(range(layers)):  # cell i, whose output is live[i + 1]
        if live[i + 1]:
            live[i] |= 1 in uses[i]  # the previous cell; the stem for i = 0
            live[max(i - 1, 0)] |= 0 in uses[i]  # the one before; the stem for i <= 1
    return live


class CellShape(NamedTuple):
    """Everything but the genotype that the totals of a cell depend on."""

    c_prev_prev: int
    c_prev: int
    channels: int
    side: int  # of the previous cell's output
    reduction: bool
    reduction_prev: bool
    live: bool


@lru_cache(maxsize=8192)
def _cell(edges: tuple[Edge, ...], concat: tuple[int, ...], shape: CellShape) -> Tally:
    """Totals of one cell."""
    channels, side = shape.channels, shape.side
    side_out = -(-side // 2) if shape.reduction else side
    edge_live, inputs_live = live_edges(edges, concat)
    before = (
        factorized_reduce_layers(shape.c_prev_prev, channels, side * side)
        if shape.reduction_prev
        else (Layer(channels, shape.c_prev_prev, side * side, 2 * channels),)
    )
    parts = [
        tally(before, shape.live and 0 in inputs_live),
        tally([Layer(channels, shape.c_prev, side * side, 2 * channels)], shape.live and 1 in inputs_live),
    ]
    for (operation, state), live in zip(edges, edge_live, strict=True):
        side_in = side if state < 2 else side_out
        parts.append(operation_tally(operation, channels, side_in, side_out, shape.live and live))
    return Tally(*map(sum, zip(*parts, strict=True)))


class Plan(NamedTuple):
    """The skeleton of a network: what its cells look like from outside."""

    stem: StageTally
    cells: tuple[tuple[int, CellShape], ...]  # size C*H*W of the output, shape; equal shapes are one object
    pooled: StageTally


@lru_cache(maxsize=1024)
def _plan(
    size: NetworkSize,
    normal_width: int,  # how many nodes are concatenated
    reduce_width: int,
    normal_inputs: frozenset[int],
    reduce_inputs: frozenset[int],
) -> Plan:
    live = live_cells(normal_inputs, reduce_inputs, size.layers)
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
    classifier = tally([Layer(size.classes, c_prev, 1, size.classes)], True)
    return Plan(stem, tuple(cells), StageTally(c_prev, classifier))


@lru_cache(maxsize=4096)
def stages(genotype: Genotype, size: NetworkSize) -> tuple[StageTally, ...]:
    """The stem, every cell and the pooled vector, each with the layers whose features are judged there."""
    normal, reduce = (genotype.normal, genotype.normal_concat), (genotype.reduce, genotype.reduce_concat)
    plan = _plan(size, len(normal[1]), len(reduce[1]), live_edges(*normal)[1], live_edges(*reduce)[1])
    found = [plan.stem]
    last: CellShape | None = None
    for features, shape in plan.cells:
        if shape is not last:
            totals, last = _cell(*(reduce if shape.reduction else normal), shape), shape
        found.append(StageTally(features, totals))
    found.append(plan.pooled)
    return tuple(found)
