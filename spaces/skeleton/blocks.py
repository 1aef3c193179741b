"""The modules of the skeleton, with the module names of the literature."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spaces.arithmetic import PLAIN, Arithmetic, Block, Selection


def batch_norm(channels: int, norm: bool, affine: bool = True) -> nn.Module:
    """BatchNorm, with parameters if ``affine``, or the identity where CRoZe leaves it out."""
    return nn.BatchNorm2d(channels, affine=affine) if norm else nn.Identity()


def strided(c_in: int, c_out: int, norm: bool) -> list[nn.Module]:
    """3x3 convolution of stride 2 and BatchNorm, (N, C, H, W) -> (N, C', ceil(H/2), ceil(W/2))."""
    return [nn.Conv2d(c_in, c_out, 3, stride=2, padding=1, bias=False), batch_norm(c_out, norm)]


class Shift(Selection):
    """Images (N, C, H, W) without their first row and column; odd sizes gain a last one of zeros."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2] % 2, x.shape[3] % 2
        return nn.functional.pad(x, (0, width, 0, height))[:, :, 1:, 1:] if height or width else x[:, :, 1:, 1:]


class StridedPointwise(nn.Conv2d):
    """1x1 convolution of stride 2, (N, C, H, W) -> (N, C', ceil(H/2), ceil(W/2)).

    On a CPU, with fewer input channels than oneDNN holds in a block (8 with AVX2, 16 with AVX-512), it is written
    as a convolution of stride 1 over every other pixel: oneDNN's gradient of the weights of the strided one writes
    past its buffer where memory is laid out channels last (oneDNN issue 6035; seen in 3.12 of PyTorch 2.14).
    The heap is damaged then, or the gradient is wrong without an error.
    """

    MIN_CHANNELS = 16

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, 1, stride=2, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        if self.in_channels >= self.MIN_CHANNELS or not input.is_cpu or input.dtype == torch.float64:
            return super().forward(input)
        last = input.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if last else torch.contiguous_format
        return nn.functional.conv2d(input[:, :, ::2, ::2].contiguous(memory_format=layout), self.weight)


class FactorizedReduce(Block):
    """Halves H and W: two 1x1 convolutions, one on the image shifted by a pixel, each half the channels."""

    def __init__(self, c_in: int, c_out: int, norm: bool, affine: bool = True) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.shift = Shift()
        self.conv_1 = StridedPointwise(c_in, c_out // 2)
        self.conv_2 = StridedPointwise(c_in, c_out - c_out // 2)
        self.bn = batch_norm(c_out, norm, affine)

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        a = arithmetic
        x = a.apply(self.relu, x)
        halves = [a.apply(self.conv_1, x), a.apply(self.conv_2, a.apply(self.shift, x))]
        return a.apply(self.bn, a.concatenate(halves))


class ReLUConvBN(Block):
    """1x1 convolution between ReLU and BatchNorm: the preprocessing of a cell's inputs."""

    def __init__(self, c_in: int, c_out: int, norm: bool, affine: bool = True) -> None:
        super().__init__()
        self.op = nn.Sequential(nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False), batch_norm(c_out, norm, affine))

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        return arithmetic.apply(self.op, x)
