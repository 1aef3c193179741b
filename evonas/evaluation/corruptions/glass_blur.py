"""Frosted glass: pixels replaced by near ones between two blurs."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import pad

from evonas.evaluation.corruptions.base import SAME, Scale, register, to_uint8
from evonas.evaluation.corruptions.draws import Draws

CONSTANTS = ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2))  # sigma, delta, iterations
PHOTOGRAPHS = ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))


@register("glass_blur", "blur", CONSTANTS, PHOTOGRAPHS)
def glass_blur(images: Tensor, constant: tuple[float, int, int], draws: Draws, scale: Scale = SAME) -> Tensor:
    """Gaussian blur; every inner pixel replaced by one up to delta above and left of it; Gaussian blur again.

    Offsets are drawn from {-delta, ..., delta - 1}. Meant as an exchange, the published loop copies: it visits
    (h, w) before the neighbours above and left, so at delta 1 all pixels may be copied at once. So they are at a
    larger delta of images of up to 64 pixels; above, what was copied before is copied on, as in the definition.
    """
    sigma, delta, iterations = constant
    factor = scale.factor
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
        if scale.photographs:
            source = _in_order(source, rows * width + columns, height * width)
        index = source.flatten(1)[:, None].expand(-1, 3, -1)
        copied = x.flatten(2).gather(2, index).view(len(x), 3, *source.shape[1:])
        x = x.clone()
        x[:, :, delta + 1 : height - delta + 1, delta + 1 : width - delta + 1] = copied
    return to_uint8(_blur(x.double() / 255, sigma * factor))


def _in_order(source: Tensor, own: Tensor, places: int) -> Tensor:
    """Where the value comes from that stands at ``source`` (N, h, w) when the pixel at ``own`` (h, w) is visited.

    Flat places of ``places`` pixels, which are visited from the last one to the first. A source that was visited
    before holds what it took then.
    """
    place, found = own.flatten().expand(len(source), -1), source.flatten(1)
    taken = torch.arange(places, device=source.device).repeat(len(source), 1)  # what is unvisited holds itself
    taken.scatter_(1, place, found)
    visited = torch.zeros(places, dtype=torch.bool, device=source.device)
    visited[own.flatten()] = True
    while (later := (found > place) & visited[found]).any():
        place, found = torch.where(later, found, place), torch.where(later, taken.gather(1, found), found)
    return found.view_as(source)


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
