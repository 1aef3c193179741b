"""Scale-invariant cosine similarity, safe from overflow and underflow."""

from __future__ import annotations

import torch
from torch import Tensor


def unit(x: Tensor, dim: int | None = None) -> Tensor:
    """``x`` of any shape divided by its largest magnitude over ``dim`` or all entries; zeros stay zeros."""
    largest = x.abs().amax() if dim is None else x.abs().amax(dim, keepdim=True)
    return x / torch.where(largest > 0, largest, 1)


def norm(x: Tensor) -> Tensor:
    """Euclidean norm () of all entries of any shape, without overflow or underflow of squares."""
    return norms(x.reshape(1, -1))[0, 0]


def norms(x: Tensor) -> Tensor:
    """`norm` of each row, (M, D) -> (M, 1)."""
    largest = x.abs().amax(1, keepdim=True)
    x = x / torch.where(largest > 0, largest, 1)
    return torch.linalg.vecdot(x, x).sqrt_()[:, None] * largest


def columns(u: Tensor, v: Tensor, dim: int = 0) -> Tensor:
    """cos over one dimension at every position of the others, (..., D, ...) twice -> (...); 0 for zero columns."""
    if u.is_cuda:  # all are scaled, as the host would wait for the answer whether any is doubtful
        uv, uu, vv = _dots(_scaled(u.movedim(dim, 0)), _scaled(v.movedim(dim, 0)), 0)
    else:
        uv, uu, vv = _dots(u, v, dim)
        kinds = torch.finfo(u.dtype)
        low, high = kinds.tiny / kinds.eps**2, kinds.max * kinds.eps  # squares between them have lost nothing
        doubtful = (torch.minimum(uu, vv) < low) | ~(torch.maximum(uu, vv) < high)
        if doubtful.any():
            a, b = (_scaled(x.movedim(dim, 0)[:, doubtful]) for x in (u, v))  # (D, doubtful columns)
            uv[doubtful], uu[doubtful], vv[doubtful] = _dots(a, b, 0)
    zero = (uu == 0) | (vv == 0)
    return uv.div_(uu.sqrt_()).div_(vv.sqrt_()).masked_fill_(zero, 0)


def _dots(u: Tensor, v: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    dot = torch.linalg.vecdot
    return dot(u, v, dim=dim), dot(u, u, dim=dim), dot(v, v, dim=dim)


def _scaled(x: Tensor) -> Tensor:
    """``x`` with each column's largest magnitude brought into [1, 2) by a power of two: nothing is rounded."""
    largest = x.abs().amax(0)
    power = largest / (2 * torch.frexp(largest).mantissa)
    return x / torch.where(largest > 0, power, 1)


def whole(u: Tensor, v: Tensor) -> Tensor:
    """cos () of two tensors of equal shape as vectors; 0 if either is zero."""
    return columns(u.reshape(-1, 1), v.reshape(-1, 1))[0]
