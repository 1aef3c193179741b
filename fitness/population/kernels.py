"""Layers of many networks at once, forwards and backwards, on tensors (rows, C, N, H, W).

A row is one edge of one network. Rows come first and images third, so that a depthwise convolution is one
convolution of one image with rows x C x N channels, and a 1x1 convolution one batched matrix product.
Nothing here is differentiated by autograd: what a backward needs is passed to it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

aten = torch.ops.aten


def private(name: str, overload: str, arguments: str) -> Any:
    """An operation that PyTorch does not promise to keep; None if it is missing or takes other ``arguments``."""
    found = getattr(getattr(aten, name, None), overload, None)
    if found is None or [argument.name for argument in found._schema.arguments] != arguments.split():
        return None
    return found


DEPTHWISE = private("_conv_depthwise2d", "out", "self weight kernel_size bias stride padding dilation out")


def flat(x: Tensor) -> Tensor:
    """(rows, C, N, H, W) -> (rows, C, N H W), the operand of a matrix product."""
    return x.view(*x.shape[:2], -1)


def product(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Matrix products (rows, m, k) @ (rows, k, n); on a CPU a row's bits are the same in any number of rows.

    A single product with m or n = 1 would be left to another routine than several of them, so it is done twice.
    """
    if len(a) > 1 or not a.is_cpu or 1 not in (a.shape[1], b.shape[2]):
        return torch.bmm(a, b) if out is None else torch.bmm(a, b, out=out)
    found = torch.bmm(a.expand(2, -1, -1), b.expand(2, -1, -1))[:1]
    return found if out is None else out.copy_(found)


def largest(x: Tensor, dim: tuple[int, ...], *, keepdim: bool = False) -> Tensor:
    """The largest magnitude of ``x`` of any shape over ``dim``: by a norm, one call, on a GPU; slow on a CPU."""
    if not x.is_cpu:
        found: Tensor = torch.linalg.vector_norm(x, torch.inf, dim=dim, keepdim=keepdim)
        return found
    return x.abs().amax(dim, keepdim=keepdim)


def or_one(x: Tensor) -> Tensor:
    """``x`` of any shape, 1 where it is 0."""
    return x + (x == 0)


def side_after(side: int, stride: int) -> int:
    """Pixels along one side after an operation of an edge."""
    return -(-side // stride)


def _channels(x: Tensor) -> Tensor:
    return x.view(1, -1, *x.shape[3:])  # (rows, C, N, H, W) -> (1, rows C N, H, W)


def per_image(weight: Tensor, images: int) -> Tensor:
    """(rows, C, k k) -> (rows, C, N, k k), the same kernel for every image of a row."""
    return weight[:, :, None].expand(-1, -1, images, -1).contiguous()


def _kernels(filters: Tensor) -> Tensor:
    size = round(filters.shape[-1] ** 0.5)
    return filters.view(-1, 1, size, size)  # (rows, C, N, k k) -> (rows C N, 1, k, k)


def padding_of(kernel: int, dilation: int) -> int:
    """What keeps the size of an image at stride 1."""
    return dilation * (kernel - 1) // 2


def depthwise(x: Tensor, filters: Tensor, stride: int, dilation: int) -> Tensor:
    """Depthwise convolution, filters (rows, C, N, k k) of `per_image`, padded so that stride 1 keeps the size."""
    kernels = _kernels(filters)
    padding = padding_of(kernels.shape[-1], dilation)
    y = torch.conv2d(_channels(x), kernels, None, stride, padding, dilation, len(kernels))
    return y.view(*x.shape[:3], *y.shape[2:])


def depthwise_into(x: Tensor, filters: Tensor, stride: int, dilation: int, out: Tensor) -> None:
    """`depthwise` into ``out`` (rows, C, N, H', W'), part of a larger tensor; on CUDA only.

    It is the kernel that `depthwise` comes to there in float32 and float64, without a copy. A PyTorch that does
    not have it copies.
    """
    if DEPTHWISE is None:
        out.copy_(depthwise(x, filters, stride, dilation))
        return
    kernels = _kernels(filters)
    size = kernels.shape[-1]
    padding = padding_of(size, dilation)
    DEPTHWISE(
        _channels(x), kernels, [size] * 2, None, [stride] * 2, [padding] * 2, [dilation] * 2, out=_channels(out)
    )


def depthwise_backward(
    g: Tensor, x: Tensor, filters: Tensor, stride: int, dilation: int, *, only_filters: bool = False
) -> tuple[Tensor | None, Tensor]:
    """The gradients of `depthwise` for ``x`` (rows, C, N, H, W), None if ``only_filters``, and for ``filters``."""
    kernels = _kernels(filters)
    padding = padding_of(kernels.shape[-1], dilation)
    gx, gw, _ = aten.convolution_backward(
        _channels(g), _channels(x), kernels, None, [stride] * 2, [padding] * 2, [dilation] * 2,
        False, [0, 0], len(kernels), [not only_filters, True, False],
    )  # fmt: skip
    return None if only_filters else gx.view(x.shape), gw.view(filters.shape)


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


def columns(x: Tensor, stride: int) -> Tensor:
    """What a 3x3 kernel sees at every pixel of its output: (..., C, N, H, W) -> (..., 9 C, N H' W')."""
    seen = F.pad(x, [1] * 4).unfold(-2, 3, stride).unfold(-2, 3, stride)  # (..., C, N, H', W', 3, 3)
    order = [*range(x.dim() - 4), *(position - 6 for position in (0, 4, 5, 1, 2, 3))]
    return seen.permute(order).flatten(-6, -4).flatten(-3)


def columns_backward(g: Tensor, images: int, side: int, stride: int) -> Tensor:
    """The gradient of `columns`: (rows, 9 C, N H' W') -> (rows, C, N, side, side), not contiguous."""
    unfolded = g.view(*g.shape[:2], images, -1).transpose(1, 2).flatten(0, 1)
    folded = F.fold(unfolded, (side, side), 3, padding=1, stride=stride)  # (rows N, C, side, side)
    return folded.view(len(g), images, -1, side, side).transpose(1, 2)


def _images(x: Tensor) -> Tensor:
    return x.view(len(x), -1, *x.shape[3:])  # (rows, C, N, H, W) -> (rows, C N, H, W)


def max_pool(x: Tensor, stride: int, out: Tensor) -> Tensor:
    """3x3 max pooling of (rows, C, N, H, W) into ``out``; returns where the largest are, (rows, C N, H', W')."""
    indices = torch.empty(_images(out).shape, dtype=torch.int64, device=x.device)
    max_pool_into(x, stride, out, indices)
    return indices


def max_pool_into(x: Tensor, stride: int, out: Tensor, indices: Tensor) -> None:
    """`max_pool` of ``x`` (rows, C, N, H, W) that writes what it would return into ``out`` and ``indices``."""
    aten.max_pool2d_with_indices.out(_images(x), [3, 3], [stride] * 2, [1, 1], out=_images(out), indices=indices)


def max_pool_backward(g: Tensor, x: Tensor, stride: int, indices: Tensor, out: Tensor | None = None) -> Tensor:
    """The gradient of `max_pool` for ``x`` (rows, C, N, H, W), in ``out`` if given."""
    given = _images(g), _images(x), [3, 3], [stride] * 2, [1, 1], [1, 1], False, indices
    if out is None:
        gradient: Tensor = aten.max_pool2d_with_indices_backward(*given)
        return gradient.view(x.shape)
    aten.max_pool2d_with_indices_backward.grad_input(*given, grad_input=_images(out))
    return out


def average_pool(x: Tensor, stride: int, out: Tensor) -> None:
    """3x3 average pooling of (rows, C, N, H, W) into ``out``; pixels outside the image do not count."""
    aten.avg_pool2d.out(_images(x), [3, 3], [stride] * 2, [1, 1], False, False, out=_images(out))


def average_pool_backward(g: Tensor, side: int, stride: int, out: Tensor | None = None) -> Tensor:
    """The gradient (rows, C, N, side, side) of `average_pool`, in ``out`` if given."""
    x = g.new_empty((*g.shape[:3], side, side)) if out is None else out  # only its shape is read
    given = _images(g), _images(x), [3, 3], [stride] * 2, [1, 1], False, False, None
    if out is None:
        gradient: Tensor = aten.avg_pool2d_backward(*given)
        return gradient.view(x.shape)
    aten.avg_pool2d_backward.grad_input(*given, grad_input=_images(out))
    return out


def relu_backward(g: Tensor, positive: Tensor, out: Tensor) -> Tensor:
    """``g`` of any shape where the ReLU's output ``positive`` is not 0, else 0, into ``out``."""
    return aten.threshold_backward.grad_input(g, positive, 0, grad_input=out)


def relu_backward_(g: Tensor, positive: Tensor) -> Tensor:
    """`relu_backward` of ``g`` (any shape) in place."""
    return relu_backward(g, positive, g)


def accumulate(total: Tensor, rows: Tensor, x: Tensor) -> None:
    """``total[rows[i]] += x[i]`` for ``rows`` (n,): in order on a CPU; on CUDA no row may be named twice."""
    total.index_add_(0, rows, x)
