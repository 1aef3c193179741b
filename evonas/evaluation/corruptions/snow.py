"""Falling snow in two directions, over an image that whitens."""

from __future__ import annotations

from torch import Tensor

from evonas.evaluation.corruptions import linear
from evonas.evaluation.corruptions.base import SAME, Scale, register, to_uint8
from evonas.evaluation.corruptions.draws import Draws
from evonas.evaluation.corruptions.motion_blur import streak

CONSTANTS = (  # mean, deviation, zoom, threshold, radius, sigma, share of the image kept
    (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
    (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
    (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
    (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
    (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
)


PHOTOGRAPHS = (
    (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)


@register("snow", "weather", CONSTANTS, PHOTOGRAPHS)
def snow(images: Tensor, constant: tuple[float, ...], draws: Draws, scale: Scale = SAME) -> Tensor:
    """k x + (1 - k) max(x, 1.5 gray(x) + 0.5), plus a layer of blurred flakes and the layer turned by 180 degrees.

    The layer is N(mean, deviation), its centre zoomed, zero below a threshold, then motion blurred towards an
    angle from U(-135, -45) degrees.
    """
    mean, deviation, zoom, threshold, radius, sigma, kept = constant
    factor = scale.factor
    height, width = images.shape[2:]
    flakes = draws.normal(1, height, width).double().mul_(deviation).add_(mean)
    zoom = max(1.0, zoom * factor)
    flakes = linear.both_axes(linear.zoom(height, zoom), linear.zoom(width, zoom), flakes)
    flakes = flakes.masked_fill_(flakes < threshold, 0)
    layer = streak(to_uint8(flakes), radius * factor, sigma * factor, draws.uniform(low=-135, high=-45))
    layer = layer.float().div_(255)  # (N, 1, H, W)
    x = images.float() / 255
    gray = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
    x = kept * x + (1 - kept) * x.maximum(gray * 1.5 + 0.5)
    return to_uint8(x + layer + layer.flip(2, 3))
