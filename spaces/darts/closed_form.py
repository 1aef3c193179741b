"""Layers of a DARTS network without building it: the source of params, FLOPs and the size proxies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from spaces.darts.genotype import Edge, Genotype
from spaces.darts.network import STEM_MULTIPLIER, reductions
from spaces.darts.operations import factorized_reduce_layers, operation_layers
from spaces.size import Layer, NetworkSize, StageTally, Tally, tally


class Liveness(NamedTuple):
    """What of a cell lies on a path from the images to its output."""

    edges: tuple[bool, ...]
    inputs: tuple[bool, bool]
    output: bool  # whether it is more than zeros


@lru_cache(maxsize=8192)
def live_edges(
    edges: tuple[Edge, ...], concat: tuple[int, ...], fed_inputs: tuple[bool, bool] = (True, True)
) -> Liveness:
    """The live edges of a cell; ``fed_inputs`` says which of its two inputs are more than zeros."""
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


@lru_cache(maxsize=8192)
def _cell(
    edges: tuple[Edge, ...],
    liveness: Liveness,
    c_prev_prev: int,
    c_prev: int,
    channels: int,
    side: int,
    reduction: bool,
    reduction_prev: bool,
    live: bool,
) -> Tally:
    """Totals of one cell; ``side`` is that of its previous cell's output."""
    side_out = -(-side // 2) if reduction else side
    before = (
        factorized_reduce_layers(c_prev_prev, channels, side * side)
        if reduction_prev
        else (Layer(channels, c_prev_prev, side * side, 2 * channels),)
    )
    layers = [layer._replace(live=live and liveness.inputs[0]) for layer in before]
    layers.append(Layer(channels, c_prev, side * side, 2 * channels, live and liveness.inputs[1]))
    for (operation, state), alive in zip(edges, liveness.edges, strict=True):
        side_in, stride = (side, 2) if reduction and state < 2 else (side_out, 1)
        for layer in operation_layers(operation, channels, stride, side_in, side_out):
            layers.append(layer._replace(live=live and alive))
    return tally(layers)


def stages(genotype: Genotype, size: NetworkSize) -> Sequence[StageTally]:
    """The stem, every cell and the pooled vector, each with the layers whose features are judged there."""
    live, cells = live_cells(genotype, size.layers)
    c_stem, side = STEM_MULTIPLIER * size.channels, size.image_size
    stem = Layer(c_stem, 27, side * side, 2 * c_stem, live[0])
    found = [StageTally(c_stem * side * side, tally([stem]))]
    c_prev_prev, c_prev, channels, reduction_prev = c_stem, c_stem, size.channels, False
    known: dict[tuple[Liveness, tuple[int, ...]], Tally] = {}
    for i in range(size.layers):
        reduction = i in reductions(size.layers)
        channels *= 2 if reduction else 1
        edges = genotype.reduce if reduction else genotype.normal
        concat = genotype.reduce_concat if reduction else genotype.normal_concat
        where = (c_prev_prev, c_prev, channels, side, reduction, reduction_prev, live[i + 1])
        if (cells[i], where) not in known:  # most cells of a network are equal
            known[cells[i], where] = _cell(edges, cells[i], *where)
        totals = known[cells[i], where]
        side = -(-side // 2) if reduction else side
        c_prev_prev, c_prev, reduction_prev = c_prev, len(concat) * channels, reduction
        found.append(StageTally(c_prev * side * side, totals))
    classifier = Layer(size.classes, c_prev, 1, size.classes, live[-1])
    found.append(StageTally(c_prev, tally([classifier])))
    return found
