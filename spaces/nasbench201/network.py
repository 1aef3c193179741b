"""The NAS-Bench-201 network, with the module names under which the benchmark's weights are stored.

Stem, three stages of N equal cells with 16, 32 and 64 channels (for C=16), a residual block between stages.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from spaces.arithmetic import PLAIN, Arithmetic, Block, Selection
from spaces.nasbench201.genotype import EDGES, Cell
from spaces.network import Network
from spaces.size import NetworkSize


class Zero(Selection):
    """``none``: zeros of the shape of the input (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0


class ReLUConvBN(Block):
    """ReLU, convolution, BatchNorm. Without BatchNorm the convolution has a bias, as in CRoZe's release."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, norm: bool = True) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=not norm),
            nn.BatchNorm2d(c_out) if norm else nn.Identity(),
        )

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        return arithmetic.apply(self.op, x)


def _operation(name: str, channels: int, norm: bool) -> nn.Module:
    if name.startswith("nor_conv"):
        return ReLUConvBN(channels, channels, int(name[-1]), norm=norm)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    return nn.Identity() if name == "skip_connect" else Zero()


class InferCell(Block):
    """Nodes 1 to 3 each add an operation on every earlier node; node 3 is the output."""

    def __init__(self, cell: Cell, channels: int, norm: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_operation(name, channels, norm) for name in cell.operations)

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        nodes = [x]
        for node in (1, 2, 3):
            terms = [
                arithmetic.apply(layer, nodes[source])
                for layer, (source, target) in zip(self.layers, EDGES, strict=True)
                if target == node
            ]
            nodes.append(arithmetic.state(arithmetic.add(terms)))
        return nodes[3]


class ResNetBasicblock(Block):
    """The reduction between stages: two 3x3 convolutions plus an average-pooled 1x1. Keeps its BatchNorm."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(c_in, c_out, 3, stride=2)
        self.conv_b = ReLUConvBN(c_out, c_out, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        a = arithmetic
        residual = a.apply(self.downsample, x)
        return a.state(a.add([residual, a.apply(self.conv_b, a.apply(self.conv_a, x))]))


class NasBench201Network(Network):
    """``forward`` returns logits (N, classes). ``norm=False`` drops BatchNorm from stem, cells and head."""

    def __init__(self, cell: Cell, size: NetworkSize, norm: bool = True) -> None:
        super().__init__()
        c = size.channels
        self.cells_per_stage = n = size.layers
        self.stem = nn.Sequential(
            nn.Conv2d(3, c, 3, padding=1, bias=False), nn.BatchNorm2d(c) if norm else nn.Identity()
        )
        self.cells = nn.ModuleList()
        for stage in range(3):
            if stage:
                self.cells.append(ResNetBasicblock(c, 2 * c))
                c *= 2
            self.cells.extend(InferCell(cell, c, norm) for _ in range(n))
        self.lastact = nn.Sequential(nn.BatchNorm2d(c) if norm else nn.Identity(), nn.ReLU())
        self.global_pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(c, size.classes)

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        a, n = arithmetic, self.cells_per_stage
        x = a.stage("stem", a.state(a.apply(self.stem, x)))
        for i, cell in enumerate(self.cells):
            x = a.apply(cell, x)
            if i in (n, 2 * n + 1):
                x = a.stage(f"reduction{1 if i == n else 2}", x)
        x = a.stage("last", a.apply(self.lastact, x))
        return a.apply(self.classifier, a.stage("pooled", a.apply(self.global_pooling, x)))

    def stage_of(self, layer: str) -> str:
        part, *rest = layer.split(".")
        if part != "cells":
            return {"stem": "stem", "classifier": "pooled"}[part]
        cell, n = int(rest[0]), self.cells_per_stage  # cells: n, reduction, n, reduction, n
        if cell < n - 1:
            return "stem"
        if cell < 2 * n:
            return "reduction1"
        return "reduction2" if cell < 3 * n + 1 else "last"
