"""A camera that moves towards its object."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from evonas.evaluation.corruptions import linear
from evonas.evaluation.corruptions.base import SAME, Scale, register, to_uint8
from evonas.evaluation.corruptions.draws import Draws

STEP = 0.01
CONSTANTS = tuple((stop, STEP) for stop in (1.06, 1.11, 1.16, 1.21, 1.26))  # end and step of the factors
PHOTOGRAPHS = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))


@register("zoom_blur", "blur", CONSTANTS, PHOTOGRAPHS)
def zoom_blur(images: Tensor, constant: tuple[float, float], draws: Draws, scale: Scale = SAME) -> Tensor:
    """Mean of x, counted twice, and its central crops zoomed back by linear interpolation.

    Factors rise from 1 as ``numpy.arange(1, stop, step)`` counts them. Rounding makes it reach ``stop`` itself at
    some severities, and the published images are made so.
    """
    height, width = images.shape[2:]
    x = images.float() / 255
    rows, columns = (_zooms(side, *constant) for side in (height, width))  # (Z, side, side) each
    count = len(rows)
    left = torch.from_numpy(rows.transpose(1, 0, 2).reshape(height, -1)).to(x)  # (H, Z H)
    right = torch.from_numpy(columns.transpose(2, 0, 1).reshape(width, -1)).to(x)  # (W, Z W)
    flat = x.view(-1, height, width)  # (B, H, W)
    wide = torch.bmm(flat, right.expand(len(flat), -1, -1))  # (B, H, Z W): every zoom of the columns
    tall = wide.view(-1, height, count, width).transpose(1, 2).reshape(-1, count * height, width)
    zoomed = torch.bmm(left.expand(len(flat), -1, -1), tall)  # (B, H, W): the rows zoomed, and the sum over zooms
    return to_uint8(zoomed.view_as(x).add_(x).div_(count + 1))


@lru_cache(maxsize=32)
def _zooms(side: int, stop: float, step: float) -> np.ndarray:
    return np.stack([linear.zoom(side, float(factor)) for factor in np.arange(1, stop, step)])
