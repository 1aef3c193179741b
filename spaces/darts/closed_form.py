"""Layers of a DARTS network without building it: the source of params, FLOPs and the size proxies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from spaces.darts.genotype import Edge, Genotype
from spaces.darts.network import STEM_MULTIPLIER, reductions
from spaces.darts.operations import factorized_reduce_layers, operation_layers
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


def live_cells(genotype: Genotype, layers: int) -> list[bool]:
    """Whether the output of the stem (index 0) and of each cell (1..L) reaches the classifier."""
    _, normal_inputs = live_edges(genotype.normal, genotype.normal_concat)
    _, reduce_inputs = live_edges(genotype.reduce, genotype.reduce_concat)
    uses = [reduce_inputs if i in reductions(layers) else normal_inputs for i in range(layers)]
    live = [False] * layers + [True]
    for i in reversed(range(layers)):  # cell i, whose output is live[i + 1]
        if live[i + 1]:
            live[i] |= 1 in uses[i]  # the previous cell; the stem for i = 0
            live[max(i - 1, 0)] |= 0 in uses[i]  # the one before; the stem for i <= 1
    return live


@lru_cache(maxsize=8192)
def _cell(
    edges: tuple[Edge, ...],
    concat: tuple[int, ...],
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
    edge_live, inputs_live = live_edges(edges, concat)
    before = (
        factorized_reduce_layers(c_prev_prev, channels, side * side)
        if reduction_prev
        else (Layer(channels, c_prev_prev, side * side, 2 * channels),)
    )
    layers = [layer._replace(live=live and 0 in inputs_live) for layer in before]
    layers.append(Layer(channels, c_prev, side * side, 2 * channels, live and 1 in inputs_live))
    for (operation, state), alive in zip(edges, edge_live, strict=True):
        side_in = side if state < 2 else side_out
        for layer in operation_layers(operation, channels, side_in, side_out):
            layers.append(layer._replace(live=live and alive))
    return tally(layers)


def stages(genotype: Genotype, size: NetworkSize) -> Sequence[StageTally]:
    """The stem, every cell and the pooled vector, each with the layers whose features are judged there."""
    live = live_cells(genotype, size.layers)
    c_stem, side = STEM_MULTIPLIER * size.channels, size.image_size
    stem = Layer(c_stem, 27, side * side, 2 * c_stem, live[0])
    found = [StageTally(c_stem * side * side, tally([stem]))]
    c_prev_prev, c_prev, channels, reduction_prev = c_stem, c_stem, size.channels, False
    for i in range(size.layers):
        reduction = i in reductions(size.layers)
        channels *= 2 if reduction else 1
        edges = genotype.reduce if reduction else genotype.normal
        concat = genotype.reduce_concat if reduction else genotype.normal_concat
        totals = _cell(edges, concat, c_prev_prev, c_prev, channels, side, reduction, reduction_prev, live[i + 1])
        side = -(-side // 2) if reduction else side
        c_prev_prev, c_prev, reduction_prev = c_prev, len(concat) * channels, reduction
        found.append(StageTally(c_prev * side * side, totals))
    classifier = Layer(size.classes, c_prev, 1, size.classes)
    found.append(StageTally(c_prev, tally([classifier])))
    return found
