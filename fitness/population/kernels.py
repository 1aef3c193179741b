"""Layers of many networks at once, forwards and backwards, on tensors (rows, C, N, H, W).

A row is one edge of one network. Rows come first and images third, so that a depthwise convolution is one
convolution of one image with rows x C x N channels, and a 1x1 convolution one batched matrix product.
Nothing here is differentiated by autograd: what a backward needs is passed to it.
"""

from __future__ import annotations

import torch
from torch import Tensor

aten = torch.ops.aten


def flat(x: Tensor) -> Tensor:
    """(rows, C, N, H, W) -> (rows, C, N H W), the operand of a matrix product."""
    return x.view(*x.shape[:2], -1)


def product(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Matrix products (rows, m, k) @ (rows, k, n); on a CPU a row's bits are the same in any number of rows.

    A single product with m or n = 1 would be left to another routine than several of them, so it is done twice.
    """
    if len(a) > 1 or a.is_cuda or 1 not in (a.shape[1], b.shape[2]):
        return torch.bmm(a, b) if out is None else torch.bmm(a, b, out=out)
    found = torch.bmm(a.expand(2, -1, -1), b.expand(2, -1, -1))[:1]
    return found if out is None else out.copy_(found)


def side_after(side: int, stride: int) -> int:
    """Pixels along one side after an operation of an edge."""
    return -(-side // stride)


def _channels(x: Tensor) -> Tensor:
    return x.view(1, -1, *x.shape[3:])  # (rows, C, N, H, W) -> (1, rows C N, H, W)


def _per_image(weight: Tensor, images: int) -> Tensor:
    """(rows, C, k k) -> (rows C N, 1, k, k), the same kernel for every image of a row."""
    rows, channels, taps = weight.shape
    kernel = round(taps**0.5)
    wide = weight.view(rows, channels, 1, taps).expand(-1, -1, images, -1)
    return wide.reshape(rows * channels * images, 1, kernel, kernel)


def depthwise(x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
    """Depthwise convolution, weight (rows, C, k k), padded so that stride 1 keeps the size."""
    rows, channels, images = x.shape[:3]
    kernels = _per_image(weight, images)
    padding = dilation * (kernels.shape[-1] - 1) // 2
    y = torch.conv2d(_channels(x), kernels, None, stride, padding, dilation, len(kernels))
    return y.view(rows, channels, images, *y.shape[2:])


def depthwise_backward(
    g: Tensor, x: Tensor, weight: Tensor, stride: int, dilation: int, weight_gradient: Tensor
) -> Tensor:
    """The gradient of `depthwise` for ``x``; that for ``weight`` goes to ``weight_gradient`` (rows, C, k k)."""
    images, kernels = x.shape[2], _per_image(weight, x.shape[2])
    padding = dilation * (kernels.shape[-1] - 1) // 2
    gx, gw, _ = aten.convolution_backward(
        _channels(g), _channels(x), kernels, None, [stride] * 2, [padding] * 2, [dilation] * 2,
        False, [0, 0], len(kernels), [True, True, False],
    )  # fmt: skip
    torch.sum(gw.view(*weight.shape[:2], images, -1), dim=2, out=weight_gradient)
    return gx.view(x.shape)


def pointwise_backward(g: Tensor, x: Tensor, weight: Tensor, weight_gradient: Tensor) -> Tensor:
    """The gradient of ``product(weight, flat(x))`` for ``x``; ``weight_gradient`` is (rows, out, in)."""
    product(flat(g), flat(x).mT, weight_gradient)
    return product(weight.mT, flat(g)).view(x.shape)


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """Every other pixel of ``x`` (rows, C, N, H, W), and of ``x`` shifted by one, zeros outside the image."""
    even = x[..., ::2, ::2].contiguous()
    odd = x[..., 1::2, 1::2]
    if odd.shape == even.shape:
        return even, odd.contiguous()
    padded = torch.zeros_like(even)
    padded[..., : odd.shape[-2], : odd.shape[-1]] = odd
    return even, padded


def halves_backward(even: Tensor, odd: Tensor, side: int) -> Tensor:
    """The gradient (rows, C, N, side, side) of `halves`."""
    gx = even.new_zeros((*even.shape[:3], side, side))
    gx[..., ::2, ::2] = even
    inside = gx[..., 1::2, 1::2]
    inside.copy_(odd[..., : inside.shape[-2], : inside.shape[-1]])
    return gx


def _images(x: Tensor) -> Tensor:
    return x.view(len(x), -1, *x.shape[3:])  # (rows, C, N, H, W) -> (rows, C N, H, W)


def max_pool(x: Tensor, stride: int, out: Tensor) -> Tensor:
    """3x3 max pooling of (rows, C, N, H, W) into ``out``; returns where the largest are, (rows, C N, H', W')."""
    indices = torch.empty(_images(out).shape, dtype=torch.int64, device=x.device)
    aten.max_pool2d_with_indices.out(_images(x), [3, 3], [stride] * 2, [1, 1], out=_images(out), indices=indices)
    return indices


def max_pool_backward(g: Tensor, x: Tensor, stride: int, indices: Tensor) -> Tensor:
    """The gradient of `max_pool` for ``x`` (rows, C, N, H, W)."""
    gx = aten.max_pool2d_with_indices_backward(
        _images(g), _images(x), [3, 3], [stride] * 2, [1, 1], [1, 1], False, indices
    )
    return gx.view(x.shape)


def average_pool(x: Tensor, stride: int, out: Tensor) -> None:
    """3x3 average pooling of (rows, C, N, H, W) into ``out``; pixels outside the image do not count."""
    aten.avg_pool2d.out(_images(x), [3, 3], [stride] * 2, [1, 1], False, False, out=_images(out))


def average_pool_backward(g: Tensor, side: int, stride: int) -> Tensor:
    """The gradient (rows, C, N, side, side) of `average_pool`."""
    x = g.new_empty((*g.shape[:3], side, side))  # only its shape is read
    gx = aten.avg_pool2d_backward(_images(g), _images(x), [3, 3], [stride] * 2, [1, 1], False, False, None)
    return gx.view(x.shape)


def relu_backward_(g: Tensor, positive: Tensor) -> Tensor:
    """``g`` of any shape where the ReLU's output ``positive`` is not 0, in place."""
    return aten.threshold_backward.grad_input(g, positive, 0, grad_input=g)


def accumulate(total: Tensor, rows: Tensor, x: Tensor) -> None:
    """``total[rows[i]] += x[i]`` for ``rows`` (n,), in a fixed order also where a row is named more than once."""
    if total.is_cuda:  # atomic additions would come in any order; this sorts the rows
        total.index_put_((rows,), x, accumulate=True)
    else:
        total.index_add_(0, rows, x)
