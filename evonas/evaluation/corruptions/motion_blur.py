"""A camera that moved, or flakes that fall: ImageMagick's motion blur, an angle for each image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from evonas.evaluation.corruptions.base import SAME, Scale, register
from evonas.evaluation.corruptions.draws import Draws

INVISIBLE = 1e-6  # taps of less weight cannot be seen in 8 bits


CONSTANTS = ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))  # radius, sigma
PHOTOGRAPHS = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))


@register("motion_blur", "blur", CONSTANTS, PHOTOGRAPHS)
def motion_blur(images: Tensor, constant: tuple[float, float], draws: Draws, scale: Scale = SAME) -> Tensor:
    """One-sided Gaussian along a direction drawn from U(-45, 45) degrees, borders repeated.

    Images (N, 3, H, W).
    """
    factor = scale.factor
    angles = draws.uniform(low=-45, high=45)
    return streak(images, constant[0] * factor, constant[1] * factor, angles)


def streak(images: Tensor, radius: float, sigma: float, angles: Tensor) -> Tensor:
    """Images (N, C, H, W) uint8 blurred towards ``angles`` (N,) in degrees, clockwise from the right.

    Tap i = 0, 1, ..., 2 ceil(radius) has weight exp(-i^2 / 2 sigma^2) over their sum and stands at i pixels in
    that direction, halves rounded down. It is rounded to 16 bits and cut to 8, as published images are.
    """
    _, channels, height, width = images.shape
    taps = torch.arange(2 * math.ceil(radius) + 1, dtype=torch.float64, device=images.device)
    weights = torch.exp(-(taps**2) / (2 * sigma**2))
    weights /= weights.sum()
    direction = torch.deg2rad(angles)
    dx = torch.ceil(taps * torch.cos(direction)[:, None] - 0.5).long()  # (N, taps)
    dy = torch.ceil(taps * torch.sin(direction)[:, None] - 0.5).long()
    rows, columns = (torch.arange(side, device=images.device) for side in (height, width))
    flat = images.float().flatten(2)  # (N, C, H W)
    out = torch.zeros_like(flat)
    for tap, weight in enumerate(weights.tolist()):
        if weight < INVISIBLE:
            break
        row = (rows + dy[:, tap, None]).clamp_(0, height - 1) * width  # (N, H)
        column = (columns + dx[:, tap, None]).clamp_(0, width - 1)  # (N, W)
        index = (row[:, :, None] + column[:, None]).flatten(1)[:, None].expand(-1, channels, -1)
        out.add_(flat.gather(2, index), alpha=weight)
    sixteen = out.mul_(257).add_(0.5).int().clamp_(0, 65535)
    return sixteen.div_(257, rounding_mode="floor").byte().view(images.shape)
