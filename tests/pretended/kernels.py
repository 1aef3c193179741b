"""What CUDA has and a CPU lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def _depthwise(
    x: Tensor,
    weight: Tensor,
    kernel_size: Sequence[int],
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    *,
    out: Tensor,
) -> Tensor:
    if not (out.is_contiguous() and list(weight.shape[2:]) == list(kernel_size)):
        raise RuntimeError("Expected output.is_contiguous() to be true, and a kernel of kernel_size")
    return out.copy_(torch.conv2d(x, weight, bias, stride, padding, dilation, x.shape[1]))


EMULATED: dict[str, Callable[..., Any]] = {"aten._conv_depthwise2d.out": _depthwise}
