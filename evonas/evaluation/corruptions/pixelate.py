"""Fewer, larger pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evonas.evaluation.corruptions.base import SAME, Scale, register
from evonas.evaluation.corruptions.draws import Draws

BITS = 22  # of the weights in Pillow's fixed-point arithmetic


@register("pixelate", "digital", (0.95, 0.90, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25))
def pixelate(images: Tensor, share: float, draws: Draws, scale: Scale = SAME) -> Tensor:
    """Box resize to int(c H) by int(c W) and back, bit for bit as Pillow does it in 8 bits.

    Images (N, 3, H, W).
    """
    x = images.double()  # holds these integers exactly, so no order of summation matters
    for height, width in (tuple(int(side * share) for side in images.shape[2:]), tuple(images.shape[2:])):
        x = _rounded(x @ torch.from_numpy(_box(x.shape[3], width)).to(x).T)
        x = _rounded(torch.from_numpy(_box(x.shape[2], height)).to(x) @ x)
    return x.byte()


def _rounded(x: Tensor) -> Tensor:
    return x.add_(1 << (BITS - 1)).mul_(2.0**-BITS).floor_().clamp_(0, 255)


@lru_cache(maxsize=32)
def _box(before: int, after: int) -> NDArray[np.float64]:
    """Weights of a box filter in units of 2^-22, whole numbers, (after, before)."""
    factor = before / after
    filter_scale = max(factor, 1.0)
    weights = np.zeros((after, before))
    for row in range(after):
        centre = (row + 0.5) * factor
        start = max(int(centre - 0.5 * filter_scale + 0.5), 0)
        stop = min(int(centre + 0.5 * filter_scale + 0.5), before)
        at = (np.arange(start, stop) - centre + 0.5) / filter_scale
        inside = ((at > -0.5) & (at <= 0.5)).astype(float)
        weights[row, start:stop] = np.floor(inside / inside.sum() * (1 << BITS) + 0.5)
    return weights
