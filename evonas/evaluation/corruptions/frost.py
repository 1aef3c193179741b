"""Frost on a pane: a synthesised texture, NOT the photographs of the published benchmark."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from evonas.evaluation.corruptions import linear
from evonas.evaluation.corruptions.base import SAME, Scale, register
from evonas.evaluation.corruptions.draws import Draws

PANES = (  # one a photograph: mean red, green, blue; deviation between crops; of each channel within a crop
    ((88, 99, 112), 2, (30, 30, 29)),  # slate
    ((68, 142, 160), 9, (19, 12, 12)),  # teal
    ((128, 140, 151), 13, (36, 35, 35)),  # grey, the coarsest
    ((148, 163, 176), 8, (26, 26, 27)),  # steel
    ((203, 207, 216), 7, (17, 17, 18)),  # white
)
GRAIN = ((0.0, 0.6), (0.9, 0.15), (5.0, 0.25))  # sigma in pixels of 32, share of the variance
SHEET, SHEET_OF_PHOTOGRAPHS = 8, 3  # sides of an image: as long is the sheet of grain that crops are taken from


CONSTANTS = ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))  # shares of image and frost
PHOTOGRAPHS = ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
SHRUNK = 5  # the photographs of frost are scaled by 1/5 for images of 32 pixels, and not for those of 224


@register("frost", "weather", CONSTANTS, PHOTOGRAPHS)
def frost(images: Tensor, constant: tuple[float, float], draws: Draws, scale: Scale = SAME) -> Tensor:
    """a x + b frost, where the frost is a synthesised texture instead of the published photographs.

    Images x (N, 3, H, W). An image gets one of five kinds of pane, its tone shifted at random, under a random crop
    of a fixed sheet of grain of three sizes; tones and grain have the means, deviations and correlation lengths of
    the published ones.
    """
    a, b = constant
    height, width = images.shape[2:]
    device = images.device
    kind = draws.below(len(PANES))  # (N,)
    tones, between, within = (torch.tensor(column, device=device) for column in zip(*PANES, strict=True))
    tone = tones[kind] + (between[kind] * draws.normal())[:, None]  # (N, 3)
    sheet, shrunk = (SHEET_OF_PHOTOGRAPHS, SHRUNK) if scale.photographs else (SHEET, 1)
    grain = _grain(sheet * height, sheet * width, scale.factor * shrunk).to(device)
    crops = grain.unfold(0, height, 1).unfold(1, width, 1)  # a view: every place, every crop
    top, left = (draws.below(places) for places in crops.shape[:2])
    pane = crops[top, left][:, None] * within[kind][:, :, None, None] + tone[:, :, None, None]  # (N, 3, H, W)
    pane = pane.round_().clamp_(0, 255)
    return pane.mul_(b).add_(images, alpha=a).clamp_(0, 255).byte()


@lru_cache(maxsize=4)
def _grain(height: int, width: int, factor: float) -> Tensor:
    """A sheet of Gaussian noise of several sizes added up, mean 0 and variance 1, float32 (height, width)."""
    draws = Draws(0, "frost sheet", 0, torch.zeros(1, dtype=torch.int64))
    total = torch.zeros(1, height, width, dtype=torch.float64)
    for sigma, share in GRAIN:
        blurs = [linear.gaussian(side, sigma * factor, 4.0) for side in (height, width)]
        noise = linear.both_axes(blurs[0], blurs[1], draws.normal(height, width).double())
        total += noise / noise.std() * math.sqrt(share)
    return ((total - total.mean()) / total.std())[0].float()
