"""BatchNorm with full precision in channels-last memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def laid_out_like(y: Tensor, x: Tensor) -> Tensor:
    """``y`` (N, C, H, W) channels last if ``x`` is."""
    return y if x.is_contiguous() else y.contiguous(memory_format=torch.channels_last)


class ExactBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm2d over contiguous memory.

    The channels-last kernel of PyTorch accumulates in float32 on a CPU: for (8, 16, 32, 32) the relative error of
    the gradient of gamma is 1.5e-4, with contiguous memory 3e-6.
    """

    def forward(self, x: Tensor) -> Tensor:
        return laid_out_like(super().forward(x.contiguous()), x)


def keep_digits(network: nn.Module) -> None:
    """Turn every BatchNorm2d of ``network`` into an `ExactBatchNorm2d`; hooks and parameters stay."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = ExactBatchNorm2d
