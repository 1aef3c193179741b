"""A lens out of focus."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import pad

from evonas.evaluation.corruptions.base import SAME, Scale, register, to_uint8
from evonas.evaluation.corruptions.draws import Draws

CONSTANTS = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))  # radius, sigma
PHOTOGRAPHS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
GRID = 8  # radius of the definition's grid of the disk, or the radius of the disk above it


@register("defocus_blur", "blur", CONSTANTS, PHOTOGRAPHS)
def defocus_blur(images: Tensor, constant: tuple[float, float], draws: Draws, scale: Scale = SAME) -> Tensor:
    """Correlation with a disk whose edge is softened by a small Gaussian; borders reflect without their edge.

    Images (N, 3, H, W).
    """
    kernel = _disk(*constant, scale.factor)
    reach = len(kernel) // 2
    x = pad(images.double() / 255, [reach] * 4, mode="reflect")
    height, width = images.shape[2:]
    # not a convolution: its order of summation may depend on how many images there are
    out = x.new_zeros(images.shape)
    for row, column in zip(*np.nonzero(kernel), strict=True):
        out.add_(x[:, :, row : row + height, column : column + width], alpha=float(kernel[row, column]))
    return to_uint8(out)


def _disk(radius: float, alias: float, factor: float) -> NDArray[np.float64]:
    """Points within ``radius``, blurred by a Gaussian of sigma ``alias`` cut at one pixel, sum 1.

    Above `GRID` it is cut at two. From there on the disk fills the grid, at whose ends the blur is reflected.
    """
    edge = math.ceil(factor * (2 if radius > GRID else 1))
    reach = int(radius * factor) + (edge if radius < GRID else 0)
    axis = np.arange(-reach, reach + 1)
    disk = (axis[:, None] ** 2 + axis[None] ** 2 <= (radius * factor) ** 2).astype(np.float32)
    disk /= disk.sum()
    weights = np.exp(-(np.arange(-edge, edge + 1) ** 2) / (2 * (alias * factor) ** 2))
    weights /= weights.sum()
    for dimension in (0, 1):
        disk = ndimage.correlate1d(disk, weights, dimension, mode="constant" if radius < GRID else "mirror")
    return disk.astype(np.float32).astype(np.float64)  # the definition keeps the kernel in float32
