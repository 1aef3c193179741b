"""Less contrast."""

from __future__ import annotations

from torch import Tensor

from evonas.evaluation.corruptions.base import SAME, Scale, register, to_uint8
from evonas.evaluation.corruptions.draws import Draws


@register("contrast", "digital", (0.75, 0.50, 0.40, 0.30, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05))
def contrast(images: Tensor, share: float, draws: Draws, scale: Scale = SAME) -> Tensor:
    """(x - m) c + m with m the mean of each channel of the image.

    Images x (N, 3, H, W).
    """
    x = images.double() / 255
    pixels = images.shape[2] * images.shape[3]
    mean = images.long().sum((2, 3), keepdim=True).double() / (255 * pixels)  # integers: no order of summation
    return to_uint8((x - mean) * share + mean)
