"""Sums and steps of all layers, on a GPU those of one size together.

There a call costs as much as a small layer. On a CPU each layer is computed on its own, and keeps its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fitness import cosine


def whole(us: Sequence[Tensor], vs: Sequence[Tensor]) -> list[Tensor]:
    """`cosine.whole` () of each pair of tensors of any equal shapes."""
    if not _on_a_gpu(us):
        return [cosine.whole(u, v) for u, v in zip(us, vs, strict=True)]
    return _together(us, vs, lambda u, v: cosine.columns(u.T, v.T).double())


def column_sums(us: Sequence[Tensor], vs: Sequence[Tensor], term: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """The sum () of ``term`` of all `cosine.columns` of each pair (D, ...), in float64."""
    if not _on_a_gpu(us):
        return [term(cosine.columns(u, v)).double().sum() for u, v in zip(us, vs, strict=True)]
    found: dict[int, Tensor] = {}
    for which in _alike([u.shape for u in us]):
        u, v = (torch.stack([of[i] for i in which], 1) for of in (us, vs))  # (D, M, ...)
        found |= zip(which, term(cosine.columns(u, v)).double().flatten(1).sum(1).unbind(), strict=True)
    return [found[i] for i in range(len(us))]


def towards(weights: Sequence[Tensor], gradients: Sequence[Tensor], beta: float) -> list[Tensor]:
    """W + beta |W| g/|g| of each layer of any shape, on a GPU."""

    def step(w: Tensor, g: Tensor) -> Tensor:
        length = cosine.norms(g)
        return w + beta * cosine.norms(w) * g / torch.where(length > 0, length, 1)

    moved = _together(weights, gradients, step)
    return [one.view(weight.shape) for one, weight in zip(moved, weights, strict=True)]


def rows(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The entries of tensors of any shapes, those of one size as rows (M, D)."""
    return [_rows(tensors, which) for which in _alike([one.numel() for one in tensors])]


def _on_a_gpu(tensors: Sequence[Tensor]) -> bool:
    return bool(tensors) and tensors[0].is_cuda


def _alike(keys: Sequence[object]) -> list[list[int]]:
    """The numbers of equal keys."""
    found: dict[object, list[int]] = {}
    for i, key in enumerate(keys):
        found.setdefault(key, []).append(i)
    return list(found.values())


def _rows(tensors: Sequence[Tensor], which: Sequence[int]) -> Tensor:
    return torch.stack([tensors[i].reshape(-1) for i in which])


def _together(
    us: Sequence[Tensor], vs: Sequence[Tensor], function: Callable[[Tensor, Tensor], Tensor]
) -> list[Tensor]:
    """``function`` of pairs of one size as rows (M, D) twice -> (M, ...), taken apart again."""
    found: dict[int, Tensor] = {}
    for which in _alike([u.numel() for u in us]):
        found |= zip(which, function(_rows(us, which), _rows(vs, which)).unbind(), strict=True)
    return [found[i] for i in range(len(us))]
