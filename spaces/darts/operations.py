"""The operations on a DARTS edge, with the module names of the literature.

Source: Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from spaces.arithmetic import PLAIN, Arithmetic, Block, Selection
from spaces.skeleton.blocks import FactorizedReduce, batch_norm


class Zero(Selection):
    """``none``: zeros, (N, C, H, W) -> (N, C, ceil(H/2), ceil(W/2)) with stride 2."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :: self.stride, :: self.stride] * 0


class SepConv(Block):
    """Depthwise-separable convolution, applied twice; the first carries the stride."""

    def __init__(self, channels: int, kernel: int, stride: int, norm: bool, affine: bool = True) -> None:
        super().__init__()
        self.op = nn.Sequential(
            *_separable(channels, kernel, stride, 1, norm, affine),
            *_separable(channels, kernel, 1, 1, norm, affine),
        )

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        return arithmetic.apply(self.op, x)


class DilConv(Block):
    """Dilated depthwise-separable convolution, dilation 2."""

    def __init__(self, channels: int, kernel: int, stride: int, norm: bool) -> None:
        super().__init__()
        self.op = nn.Sequential(*_separable(channels, kernel, stride, 2, norm))

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        return arithmetic.apply(self.op, x)


def _separable(
    channels: int, kernel: int, stride: int, dilation: int, norm: bool, affine: bool = True
) -> list[nn.Module]:
    padding = dilation * (kernel - 1) // 2
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        batch_norm(channels, norm, affine),
    ]


def _conv_7x1_1x7(channels: int, stride: int, norm: bool) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, (1, 7), (1, stride), (0, 3), bias=False),
        nn.Conv2d(channels, channels, (7, 1), (stride, 1), (3, 0), bias=False),
        batch_norm(channels, norm),
    )


def _skip(channels: int, stride: int, norm: bool) -> nn.Module:
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, norm)


BUILD: dict[str, Callable[[int, int, bool], nn.Module]] = {  # (channels, stride, norm) -> module
    "none": lambda c, s, norm: Zero(s),
    "max_pool_3x3": lambda c, s, norm: nn.MaxPool2d(3, s, 1),
    "avg_pool_3x3": lambda c, s, norm: nn.AvgPool2d(3, s, 1, count_include_pad=False),
    "skip_connect": _skip,
    "sep_conv_3x3": lambda c, s, norm: SepConv(c, 3, s, norm),
    "sep_conv_5x5": lambda c, s, norm: SepConv(c, 5, s, norm),
    "sep_conv_7x7": lambda c, s, norm: SepConv(c, 7, s, norm),
    "dil_conv_3x3": lambda c, s, norm: DilConv(c, 3, s, norm),
    "dil_conv_5x5": lambda c, s, norm: DilConv(c, 5, s, norm),
    "conv_7x1_1x7": _conv_7x1_1x7,
}
