"""More light."""

from __future__ import annotations

import torch
from torch import Tensor

from evonas.evaluation.corruptions.base import SAME, Scale, register, to_uint8
from evonas.evaluation.corruptions.draws import Draws


@register("brightness", "weather", (0.05, 0.10, 0.15, 0.20, 0.30), (0.1, 0.2, 0.3, 0.4, 0.5))
def brightness(images: Tensor, amount: float, draws: Draws, scale: Scale = SAME) -> Tensor:
    """The value of HSV plus c, hue and saturation kept.

    With v the largest channel and v' = min(v + c, 1), a channel becomes v' (1 - s f): s is the saturation and f
    how far the channel stands from v between the largest (0) and the smallest (1). Black becomes gray.
    """
    x = images.double() / 255
    value = x.amax(1, keepdim=True)
    spread = value - x.amin(1, keepdim=True)
    saturation = torch.where(value > 0, spread / value, 0)
    distance = torch.where(spread > 0, (value - x) / spread, 0)
    return to_uint8((value + amount).clamp_(max=1) * (1 - saturation * distance))
