"""Depthwise convolutions of tensors (H, W, N, C) and their gradients, by the fastest way PyTorch has on a CPU.

The batch is one image of N C channels in channels-last order, and the filters are repeated N times.
Measured on x86: the gradient of the filters has a fast kernel only where those are at most three wide and not
dilated, and the gradient of the images is slow altogether, while a convolution never is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

_backward = torch.ops.aten.convolution_backward.default
_WIDEST = 3  # columns of a filter with a fast gradient


class Geometry(NamedTuple):
    """A square depthwise convolution; its padding keeps the size at stride 1."""

    kernel: int
    stride: int
    dilation: int

    @property
    def padding(self) -> int:
        return self.dilation * (self.kernel - 1) // 2


def geometry(module: nn.Conv2d) -> Geometry | None:
    """The geometry of a depthwise convolution, None for any other."""
    (kernel, across), (stride, along), (dilation, wide) = module.kernel_size, module.stride, module.dilation
    found = Geometry(kernel, stride, dilation)
    square = (kernel, stride, dilation) == (across, along, wide) and module.padding == (found.padding,) * 2
    depthwise = module.groups == module.in_channels == module.out_channels and module.padding_mode == "zeros"
    return found if square and depthwise and kernel % 2 and dilation <= 2 and module.bias is None else None


def convolve(x: Tensor, filters: Tensor, by: Geometry) -> Tensor:
    """``x`` (H, W, N, C) with ``filters`` (N C, 1, k, k) -> (H', W', N, C)."""
    y = torch.conv2d(planes(x), filters, None, by.stride, by.padding, by.dilation, len(filters))
    return interleaved(y, x.shape[2])


def gradient_of_images(g: Tensor, x: Tensor, filters: Tensor, flipped: Tensor, by: Geometry) -> Tensor:
    """The gradient (H, W, N, C) of ``x`` from that of the result; ``flipped``: filters turned by 180 degrees."""
    if by.stride == 1:  # again a convolution
        return convolve(g, flipped, by)
    return interleaved(_convolution_backward(planes(g), planes(x), filters, by, images=True), x.shape[2])


def gradient_of_filters(g: Tensor, x: Tensor, filters: Tensor, by: Geometry) -> Tensor:
    """Gradient with respect to the ``filters``, image by image, (N, C, 1, k, k)."""
    if by.stride == 1 and by.dilation == 2:  # an undilated convolution of each of the four phases
        gradient = _undilated(_phases(g), _phases(x), by.kernel)
    elif by.stride == 1 and by.kernel > _WIDEST:
        gradient = _undilated(planes(g), planes(x), by.kernel)
    else:
        gradient = _convolution_backward(planes(g), planes(x), filters, by, images=False)
    return gradient.view(-1, x.shape[3], 1, by.kernel, by.kernel)


def planes(x: Tensor) -> Tensor:
    """(H, W, N, C) seen as one channels-last image (1, N C, H, W)."""
    height, width, n, c = x.shape
    return x.as_strided((1, n * c, height, width), (x.numel(), 1, width * n * c, n * c))


def interleaved(y: Tensor, n: int) -> Tensor:
    """(1, N C, H, W) in channels-last order seen as (H, W, N, C)."""
    _, planes, height, width = y.shape
    return y.as_strided((height, width, n, planes // n), (width * planes, planes, planes // n, 1))


def _phases(x: Tensor) -> Tensor:
    """The four images of every other pixel as channels, (H, W, N, C) -> (1, 4 N C, ceil H/2, ceil W/2)."""
    height, width, n, c = x.shape
    if height % 2 or width % 2:  # rows and columns of zeros are what the padding holds anyway
        x = nn.functional.pad(x, (0, 0, 0, 0, 0, width % 2, 0, height % 2))
    height, width = x.shape[0] // 2, x.shape[1] // 2
    x = x.view(height, 2, width, 2, n * c).permute(0, 2, 1, 3, 4)  # (H/2, W/2, 2, 2, N C)
    return planes(x.reshape(height, width, 4 * n, c))


def _undilated(g: Tensor, x: Tensor, kernel: int) -> Tensor:
    """Gradient (G, 1, k, k) of the filters at stride 1, of planes (1, G, H, W), taken three columns at a time."""
    by = Geometry(kernel, 1, 1)
    if kernel <= _WIDEST:
        return _convolution_backward(g, x, g.new_empty(g.shape[1], 1, kernel, kernel), by, images=False)
    _, planes, height, width = x.shape
    # each row begins with the zeros that end the one before, and what a filter reads beyond the last is zero too
    pad, tall, pitch = by.padding, height + 2 * by.padding, width + by.padding
    padded = x.new_zeros((tall * pitch + kernel) * planes)
    inside = padded.as_strided(
        (1, planes, height, width), (0, 1, pitch * planes, planes), (pad * pitch + pad) * planes
    )
    inside.copy_(x)
    some = x.new_empty(planes, 1, kernel, _WIDEST)
    gradient = x.new_empty(planes, 1, kernel, kernel)
    for column in range(0, kernel, _WIDEST):
        window = padded.as_strided(
            (1, planes, tall, width + _WIDEST - 1),
            (tall * (width + _WIDEST - 1) * planes, 1, pitch * planes, planes),
            column * planes,
        )
        columns = slice(column, min(column + _WIDEST, kernel))
        found = _backward(
            g, window, some, None, [1, 1], [0, 0], [1, 1], False, [0, 0], planes, [False, True, False]
        )[1]
        gradient[..., columns] = found[..., : columns.stop - column]
    return gradient


def _convolution_backward(g: Tensor, x: Tensor, filters: Tensor, by: Geometry, *, images: bool) -> Tensor:
    shape = ([by.stride] * 2, [by.padding] * 2, [by.dilation] * 2, False, [0, 0], len(filters))
    return _backward(g, x, filters, None, *shape, [images, not images, False])[0 if images else 1]
