"""Cosine similarity that is blind to scale, so that neither overflow nor underflow can change it."""

from __future__ import annotations

import torch
from torch import Tensor


def unit(x: Tensor, dim: int | None = None) -> Tensor:
    """``x`` divided by its largest magnitude, over ``dim`` or over all; zeros stay zeros."""
    largest = x.abs().amax() if dim is None else x.abs().amax(dim, keepdim=True)
    return x / torch.where(largest > 0, largest, 1)


def norm(x: Tensor) -> Tensor:
    """Euclidean norm of all entries; exact where the squares would overflow or underflow."""
    largest = x.abs().amax()
    return unit(x).norm() * largest


def columns(u: Tensor, v: Tensor) -> Tensor:
    """cos over dimension 0 for every position of the others, (D, ...) x (D, ...) -> (...); 0 for a zero column."""
    u, v = unit(u, 0), unit(v, 0)
    dot = torch.linalg.vecdot
    lengths = (dot(u, u, dim=0) * dot(v, v, dim=0)).sqrt()  # each dot is 0 or from 1 to D: no overflow
    return dot(u, v, dim=0) / torch.where(lengths > 0, lengths, 1)


def whole(u: Tensor, v: Tensor) -> Tensor:
    """cos of two tensors of equal shape as vectors; 0 if either is zero."""
    return columns(u.reshape(-1, 1), v.reshape(-1, 1))[0]
