"""Fog: a fractal cloud before the image."""

from __future__ import annotations

from torch import Tensor

from evonas.evaluation.corruptions.base import SAME, Scale, register, to_uint8
from evonas.evaluation.corruptions.draws import Draws

WIBBLE = 100.0


CONSTANTS = ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))  # amount, decay
PHOTOGRAPHS = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))


@register("fog", "weather", CONSTANTS, PHOTOGRAPHS)
def fog(images: Tensor, constant: tuple[float, float], draws: Draws, scale: Scale = SAME) -> Tensor:
    """(x + c cloud) max(x) / (max(x) + c), the cloud a diamond-square fractal in [0, 1].

    Images x (N, 3, H, W). The cloud is as wide as the next power of two; a larger one has finer levels in
    addition.
    """
    amount, decay = constant
    height, width = images.shape[2:]
    side = 1 << (max(height, width) - 1).bit_length()
    x = images.double() / 255
    brightest = x.amax((1, 2, 3), keepdim=True)
    cloud = plasma(x.new_zeros(len(x), side, side), decay, draws)[:, None, :height, :width]
    return to_uint8((x + amount * cloud) * brightest / (brightest + amount))


def plasma(cloud: Tensor, decay: float, draws: Draws) -> Tensor:
    """Diamond-square fractals on a torus, grown from zeros (N, side, side), each scaled to [0, 1]."""
    step, wibble = cloud.shape[-1], WIBBLE

    def wibbled(total: Tensor) -> Tensor:
        """The mean of four, plus noise."""
        return total / 4 + wibble * draws.uniform(*total.shape[1:], low=-wibble, high=wibble)

    while step >= 2:
        half = step // 2
        corners = cloud[:, ::step, ::step]
        rows = corners + corners.roll(-1, 1)
        centres = wibbled(rows + rows.roll(-1, 2))
        cloud[:, half::step, half::step] = centres
        cloud[:, ::step, half::step] = wibbled(centres + centres.roll(1, 1) + corners + corners.roll(-1, 2))
        cloud[:, half::step, ::step] = wibbled(centres + centres.roll(1, 2) + corners + corners.roll(-1, 1))
        step, wibble = half, wibble / decay
    cloud = cloud - cloud.amin((1, 2), keepdim=True)
    return cloud / cloud.amax((1, 2), keepdim=True)
