"""Frost on a pane: a synthesised texture, NOT the photographs of the published benchmark."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from evonas.final.corruptions import linear
from evonas.final.corruptions.base import register, scale, to_uint8
from evonas.final.corruptions.draws import Draws

PANES = (  # one a photograph: mean red, green, blue; deviation between crops; of each channel within a crop
    ((88, 99, 112), 2, (30, 30, 29)),  # slate
    ((68, 142, 160), 9, (19, 12, 12)),  # teal
    ((128, 140, 151), 13, (36, 35, 35)),  # grey, the coarsest
    ((148, 163, 176), 8, (26, 26, 27)),  # steel
    ((203, 207, 216), 7, (17, 17, 18)),  # white
)
GRAIN = ((0.0, 0.6), (0.9, 0.15), (5.0, 0.25))  # sigma in pixels of 32, share of the variance


@register("frost", "weather", ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)))
def frost(images: Tensor, constant: tuple[float, float], draws: Draws) -> Tensor:
    """a x + b frost, where the frost is a synthesised texture instead of the published photographs.

    An image gets one of five kinds of pane, its tone shifted at random, under grain of three sizes; tones and
    grain have the means, deviations and correlation lengths that the published images show.
    """
    a, b = constant
    device = images.device
    kind = draws.below(len(PANES))  # (N,)
    tones, between, within = (torch.tensor(column, device=device) for column in zip(*PANES, strict=True))
    tone = tones[kind] + (between[kind] * draws.normal())[:, None]  # (N, 3)
    pane = tone[:, :, None, None] + within[kind][:, :, None, None] * _grain(images, draws)
    pane = pane.round_().clamp_(0, 255) / 255
    return to_uint8(a * (images.double() / 255) + b * pane)


def _grain(images: Tensor, draws: Draws) -> Tensor:
    """Gaussian noise of several sizes added up, mean 0 and variance 1, (N, 1, H, W)."""
    height, width = images.shape[2:]
    total = torch.zeros(len(images), 1, height, width, dtype=torch.float64, device=images.device)
    for sigma, share in GRAIN:
        rows, columns = (linear.gaussian(side, sigma * scale(images), 4.0) for side in (height, width))
        variance = float((rows**2).sum(1).mean() * (columns**2).sum(1).mean())
        noise = draws.normal(1, height, width).double()
        total += linear.both_axes(rows, columns, noise) * math.sqrt(share / variance)
    return total
