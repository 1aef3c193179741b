"""Edges of one operation and stride in one wave: they read states, and write their outputs side by side.

A part keeps what its backward needs, and gives it up there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fitness.population import kernels
from fitness.population.blocks import Around, Block, Halving, Separable
from fitness.population.kernels import side_after
from fitness.population.plan import PlacedCell
from fitness.population.waves import CONVOLUTIONS, Group


class Part:
    """The edges that read the rows ``sources`` of the states."""

    def __init__(self, sources: Tensor, around: Around) -> None:
        self.sources, self.around = sources, around

    def forward(self, states: Tensor, out: Tensor) -> None:
        """Read the states (rows, C, N, H, W) and write ``out`` (edges, C, N, H', W')."""
        torch.index_select(states, 0, self.sources, out=out)

    def backward(self, g: Tensor) -> Tensor:
        """The gradient (edges, C, N, H, W) for what was read, given that of ``out``."""
        return g


class Convolutions(Part):
    """Blocks in a row, each behind a ReLU."""

    def __init__(self, sources: Tensor, around: Around, blocks: Sequence[Block]) -> None:
        super().__init__(sources, around)
        self.blocks = blocks

    def forward(self, states: Tensor, out: Tensor) -> None:
        x = states.index_select(0, self.sources).relu_()
        for block in self.blocks[:-1]:
            side = side_after(x.shape[-1], block.stride)
            y = x.new_empty((*x.shape[:3], side, side))
            block.forward(x, y)
            x = y.relu_()
        self.blocks[-1].forward(x, out)

    def backward(self, g: Tensor) -> Tensor:
        for block in reversed(self.blocks):
            g = block.backward(g)
        return g


class AveragePools(Part):
    """3x3 average pooling."""

    def __init__(self, sources: Tensor, around: Around, stride: int) -> None:
        super().__init__(sources, around)
        self.stride = stride

    def forward(self, states: Tensor, out: Tensor) -> None:
        self.side = states.shape[-1]
        kernels.average_pool(states.index_select(0, self.sources), self.stride, out)

    def backward(self, g: Tensor) -> Tensor:
        return kernels.average_pool_backward(g, self.side, self.stride)


class MaxPools(Part):
    """3x3 max pooling."""

    def __init__(self, sources: Tensor, around: Around, stride: int) -> None:
        super().__init__(sources, around)
        self.stride = stride
        self.kept: Any = None

    def forward(self, states: Tensor, out: Tensor) -> None:
        x = states.index_select(0, self.sources)
        indices = kernels.max_pool(x, self.stride, out)
        self.kept = (x, indices) if self.around.keep else None

    def backward(self, g: Tensor) -> Tensor:
        (x, indices), self.kept = self.kept, None
        return kernels.max_pool_backward(g, x, self.stride, indices)


def part(group: Group, stride: int, cell: PlacedCell, sources: Tensor, around: Around) -> Part:
    """The part that runs ``group`` of a bundle with ``stride`` on the states at ``sources`` (edges,)."""
    operation, places = group.operation, [cell.place(rows) for rows in group.layers]
    if operation in CONVOLUTIONS:
        dilation = CONVOLUTIONS[operation].dilation
        pairs = zip(places[::2], places[1::2], strict=True)
        blocks = [
            Separable(around, depthwise, pointwise, 1 if i else stride, dilation)
            for i, (depthwise, pointwise) in enumerate(pairs)
        ]
        return Convolutions(sources, around, blocks)
    if operation == "halve":
        return Convolutions(sources, around, [Halving(around, *places)])
    if operation == "max_pool_3x3":
        return MaxPools(sources, around, stride)
    if operation == "avg_pool_3x3":
        return AveragePools(sources, around, stride)
    return Part(sources, around)
