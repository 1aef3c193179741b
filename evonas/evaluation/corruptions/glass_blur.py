"""Frosted glass: pixels replaced by near ones between two blurs."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import pad

from evonas.evaluation.corruptions.base import register, scale, to_uint8
from evonas.evaluation.corruptions.draws import Draws


@register("glass_blur", "blur", ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)))
def glass_blur(images: Tensor, constant: tuple[float, int, int], draws: Draws) -> Tensor:
    """Gaussian blur; every inner pixel replaced by one up to delta above and left of it; Gaussian blur again.

    Offsets are drawn from {-delta, ..., delta - 1}. Meant as an exchange, the published loop copies: it visits
    (h, w) before the neighbours above and left, so at delta 1 all pixels may be copied at once.
    Larger images have a larger delta; there too all are copied at once.
    """
    sigma, delta, iterations = constant
    factor = scale(images)
    delta = max(1, round(delta * factor))
    x = to_uint8(_blur(images.double() / 255, sigma * factor))
    height, width = images.shape[2:]
    rows = torch.arange(delta + 1, height - delta + 1, device=images.device).clamp_(max=height - 1)[:, None]
    columns = torch.arange(delta + 1, width - delta + 1, device=images.device).clamp_(max=width - 1)[None]
    for _ in range(iterations):
        offset = draws.below(2 * delta, 2, len(rows), columns.shape[1]) - delta  # (N, 2, h, w)
        source = (rows + offset[:, 0]).clamp_(0, height - 1) * width + (columns + offset[:, 1]).clamp_(
            0, width - 1
        )
        index = source.flatten(1)[:, None].expand(-1, 3, -1)
        copied = x.flatten(2).gather(2, index).view(len(x), 3, *source.shape[1:])
        x = x.clone()
        x[:, :, delta + 1 : height - delta + 1, delta + 1 : width - delta + 1] = copied
    return to_uint8(_blur(x.double() / 255, sigma * factor))


def _blur(x: Tensor, sigma: float) -> Tensor:
    """SciPy's Gaussian filter, borders repeated, added up in its order."""
    reach = int(4 * sigma + 0.5)
    impulse = np.zeros(2 * reach + 1)
    impulse[reach] = 1
    weights = ndimage.gaussian_filter1d(impulse, sigma, mode="constant").tolist()
    for dimension, padding in ((2, [0, 0, reach, reach]), (3, [reach, reach, 0, 0])):
        length = x.shape[dimension]
        wide = pad(x, padding, mode="replicate")
        x = x * weights[reach]
        for shift in range(reach):
            pair = wide.narrow(dimension, shift, length) + wide.narrow(dimension, 2 * reach - shift, length)
            x.add_(pair, alpha=weights[shift])
    return x
