"""Layers of a DARTS network without building it: the source of params, FLOPs and the size proxies."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from spaces.darts.genotype import Edge, Genotype
from spaces.darts.network import STEM_MULTIPLIER, reductions
from spaces.darts.operations import factorized_reduce_layers, operation_tally
from spaces.size import Layer, NetworkSize, StageTally, Tally, tally

Cell = tuple[tuple[Edge, ...], tuple[int, ...]]  # edges, concat
Inputs = tuple[bool, bool]  # something about the cell before the previous one, and the previous one


class Liveness(NamedTuple):
    """What of a cell lies on a path from the images to its output."""

    edges: tuple[bool, ...]
    inputs: Inputs
    output: bool  # whether it is more than zeros


@lru_cache(maxsize=8192)
def live_edges(edges: tuple[Edge, ...], concat: tuple[int, ...], fed_inputs: Inputs) -> Liveness:
    """The life of a cell, given which of its inputs are ``fed``: more than zeros."""
    states = 2 + len(edges) // 2
    fed = [*fed_inputs] + [False] * (states - 2)  # forwards
    for i, (operation, state) in enumerate(edges):
        fed[2 + i // 2] |= operation != "none" and fed[state]
    used = [state in concat for state in range(states)]  # backwards: reaches the output
    live = [False] * len(edges)
    for i in reversed(range(len(edges))):
        operation, state = edges[i]
        live[i] = operation != "none" and fed[state] and used[2 + i // 2]
        used[state] |= live[i]
    return Liveness(tuple(live), (used[0], used[1]), any(fed[state] for state in concat))


Flow = tuple[Liveness | None, ...]  # of one kind of cell, at 2 * fed_inputs[0] + fed_inputs[1]


def _flows(normal: Cell, reduce: Cell) -> tuple[Flow, Flow]:
    """How both kinds of cell carry the images on; None where a network cannot get to."""
    alive = live_edges(*normal, (True, True)), live_edges(*reduce, (True, True))
    if alive[0].output and alive[1].output:  # then every input of every cell is fed
        return (None, None, None, alive[0]), (None, None, None, alive[1])
    partly = ((False, False), (False, True), (True, False), (True, True))
    return tuple(live_edges(*normal, fed) for fed in partly), tuple(live_edges(*reduce, fed) for fed in partly)


def live_cells(normal: Flow, reduce: Flow, layers: int) -> tuple[list[bool], list[Inputs]]:
    """Whether the outputs of the stem (0) and of each cell (1..L) lie on a path; which inputs of cells are fed."""
    fed, fed_inputs, uses = [True], [], []
    for i in range(layers):
        inputs = (fed[max(i - 1, 0)], fed[i])  # twice the stem for i = 0
        alive = (reduce if i in reductions(layers) else normal)[2 * inputs[0] + inputs[1]]
        assert alive is not None
        fed_inputs.append(inputs)
        uses.append(alive.inputs)
        fed.append(alive.output)
    live = [False] * layers + [fed[layers]]
    for i in reversed(range(layers)):  # cell i, whose output is live[i + 1]
        if live[i + 1]:
            live[i] |= uses[i][1]
            live[max(i - 1, 0)] |= uses[i][0]
    return live, fed_inputs


class CellShape(NamedTuple):
    """Everything but the genotype that the totals of a cell depend on."""

    c_prev_prev: int
    c_prev: int
    channels: int
    side: int  # of the previous cell's output
    reduction: bool
    reduction_prev: bool
    live: bool
    fed_inputs: Inputs


@lru_cache(maxsize=8192)
def _cell(edges: tuple[Edge, ...], concat: tuple[int, ...], shape: CellShape) -> Tally:
    """Totals of one cell."""
    channels, side = shape.channels, shape.side
    side_out = -(-side // 2) if shape.reduction else side
    alive = live_edges(edges, concat, shape.fed_inputs)
    before = (
        factorized_reduce_layers(shape.c_prev_prev, channels, side * side)
        if shape.reduction_prev
        else (Layer(channels, shape.c_prev_prev, side * side, 2 * channels),)
    )
    parts = [
        tally(before, shape.live and alive.inputs[0]),
        tally([Layer(channels, shape.c_prev, side * side, 2 * channels)], shape.live and alive.inputs[1]),
    ]
    for (operation, state), live in zip(edges, alive.edges, strict=True):
        side_in, stride = (side, 2) if shape.reduction and state < 2 else (side_out, 1)
        parts.append(operation_tally(operation, channels, stride, side_in, side_out, shape.live and live))
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
    normal_flow: Flow,
    reduce_flow: Flow,
) -> Plan:
    live, fed_inputs = live_cells(normal_flow, reduce_flow, size.layers)
    c_stem, side = STEM_MULTIPLIER * size.channels, size.image_size
    stem = StageTally(c_stem * side * side, tally([Layer(c_stem, 27, side * side, 2 * c_stem)], live[0]))
    c_prev_prev, c_prev, channels, reduction_prev = c_stem, c_stem, size.channels, False
    cells: list[tuple[int, CellShape]] = []
    shapes: dict[CellShape, CellShape] = {}
    for i in range(size.layers):
        reduction = i in reductions(size.layers)
        channels *= 2 if reduction else 1
        shape = CellShape(
            c_prev_prev, c_prev, channels, side, reduction, reduction_prev, live[i + 1], fed_inputs[i]
        )
        side = -(-side // 2) if reduction else side
        c_prev_prev, c_prev = c_prev, (reduce_width if reduction else normal_width) * channels
        reduction_prev = reduction
        cells.append((c_prev * side * side, shapes.setdefault(shape, shape)))
    classifier = tally([Layer(size.classes, c_prev, 1, size.classes)], live[-1])
    return Plan(stem, tuple(cells), StageTally(c_prev, classifier))


@lru_cache(maxsize=4096)
def stages(genotype: Genotype, size: NetworkSize) -> tuple[StageTally, ...]:
    """The stem, every cell and the pooled vector, each with the layers whose features are judged there."""
    normal, reduce = (genotype.normal, genotype.normal_concat), (genotype.reduce, genotype.reduce_concat)
    plan = _plan(size, len(normal[1]), len(reduce[1]), *_flows(normal, reduce))
    found = [plan.stem]
    last: CellShape | None = None
    for features, shape in plan.cells:
        if shape is not last:
            totals, last = _cell(*(reduce if shape.reduction else normal), shape), shape
        found.append(StageTally(features, totals))
    found.append(plan.pooled)
    return tuple(found)
