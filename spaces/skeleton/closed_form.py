"""Layers of a network without building it: the source of params, FLOPs and the size proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from spaces.size import Layer, NetworkSize, StageTally, Tally, tally
from spaces.skeleton.layers import bare, factorized_reduce_layers, halved, reductions, stems
from spaces.skeleton.liveness import Liveness

T = TypeVar("T")


class CellShape(NamedTuple):
    """Everything except its edges that the totals of a cell depend on."""

    c_prev_prev: int
    c_prev: int
    channels: int
    side: int  # of the previous cell's output
    reduction: bool
    reduction_prev: bool
    live: bool


class Plan(NamedTuple):
    """The stems, the shapes of the cells, and the head."""

    stems: tuple[StageTally, ...]
    cells: tuple[tuple[int, CellShape], ...]  # size C*H*W of the output, shape; equal shapes are one object
    pooled: StageTally


# (operation, channels, stride, side_in, side_out, live) -> totals of an edge
Edge = Callable[[str, int, int, int, int, bool], Tally]


def cell_tally(
    shape: CellShape, live: Liveness, edges: Iterable[tuple[str, int]], total: Edge, affine: bool = True
) -> Tally:
    """Totals of a cell with ``edges`` (operation, source); with ``affine`` its BatchNorm has parameters."""
    channels, side = shape.channels, shape.side
    side_out = halved(side) if shape.reduction else side
    first = (
        factorized_reduce_layers(shape.c_prev_prev, channels, side * side)
        if shape.reduction_prev
        else (Layer(channels, shape.c_prev_prev, side * side, 2 * channels),)
    )
    second = (Layer(channels, shape.c_prev, side * side, 2 * channels),)
    before = zip((first, second), live.inputs, strict=True)
    parts = [tally(layers if affine else bare(layers), shape.live and used) for layers, used in before]
    for (operation, source), on in zip(edges, live.edges, strict=True):
        side_in, stride = (side, 2) if shape.reduction and source < 2 else (side_out, 1)
        parts.append(total(operation, channels, stride, side_in, side_out, shape.live and on))
    return Tally(*map(sum, zip(*parts, strict=True)))


@lru_cache(maxsize=1024)
def _plan(size: NetworkSize, normal_width: int, reduce_width: int, live: tuple[bool, ...]) -> Plan:
    """``normal_width`` and ``reduce_width``: how many nodes are concatenated."""
    outputs = stems(size)
    first = [
        StageTally(stem.channels * stem.side**2, tally(stem.layers, on))
        for stem, on in zip(outputs, live, strict=False)
    ]
    c_prev_prev, c_prev, side = outputs[0].channels, outputs[-1].channels, outputs[-1].side
    channels, reduction_prev = size.channels, len(outputs) > 1
    cells: list[tuple[int, CellShape]] = []
    shapes: dict[CellShape, CellShape] = {}
    for i in range(size.layers):
        reduction = i in reductions(size.layers)
        channels *= 2 if reduction else 1
        shape = CellShape(c_prev_prev, c_prev, channels, side, reduction, reduction_prev, live[i + len(outputs)])
        side = halved(side) if reduction else side
        c_prev_prev, c_prev = c_prev, (reduce_width if reduction else normal_width) * channels
        reduction_prev = reduction
        cells.append((c_prev * side * side, shapes.setdefault(shape, shape)))
    classifier = tally([Layer(size.classes, c_prev, 1, size.classes)], live[-1])
    return Plan(tuple(first), tuple(cells), StageTally(c_prev, classifier))


def stages(
    size: NetworkSize,
    cells: Sequence[T],
    live: tuple[list[bool], list[Liveness]],
    widths: tuple[int, int],
    total: Callable[[T, Liveness, CellShape], Tally],
) -> tuple[StageTally, ...]:
    """The stems, every cell and the pooled vector, each with its layers.

    ``live`` is what `live_cells` returns, ``widths`` how many nodes a normal and a reduction cell concatenate, and
    ``total`` counts one cell.
    """
    outputs, inside = live
    plan = _plan(size, *widths, tuple(outputs))
    found, last = [*plan.stems], None  # most cells of a network are equal
    for cell, (features, shape), within in zip(cells, plan.cells, inside, strict=True):
        if last is None or cell is not last[0] or within is not last[1] or shape is not last[2]:
            last, totals = (cell, within, shape), total(cell, within, shape)
        found.append(StageTally(features, totals))
    found.append(plan.pooled)
    return tuple(found)
