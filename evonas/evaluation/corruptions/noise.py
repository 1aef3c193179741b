"""The three noises: electronic, of few photons, and of broken pixels."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from scipy.stats import poisson
from torch import Tensor

from evonas.evaluation.corruptions.base import SAME, Scale, register, to_uint8
from evonas.evaluation.corruptions.draws import Draws

CELLS = 256  # a grey level


@register("gaussian_noise", "noise", (0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38))
def gaussian_noise(images: Tensor, deviation: float, draws: Draws, scale: Scale = SAME) -> Tensor:
    """x + N(0, c) in every value."""
    return to_uint8(draws.normal(*images.shape[1:]).mul_(deviation).add_(images.float().div_(255)))


@register("shot_noise", "noise", (500, 250, 100, 75, 50), (60, 25, 12, 5, 3))
def shot_noise(images: Tensor, photons: int, draws: Draws, scale: Scale = SAME) -> Tensor:
    """Poisson(c x) / c in every value, by inverting the distribution function.

    Images x (N, 3, H, W).
    """
    counts = _poisson(photons, images.device).counts(images, draws.uniform(*images.shape[1:]))
    return to_uint8(counts.div_(photons))


class Poisson:
    """Inverse distribution functions of Poisson(photons v / 255) for every grey level v.

    All functions stand in one sorted row, v + P(count <= k). It is cut into equal cells; where a cell holds one
    step or none, a comparison replaces the search. The others, in the tails, are seldom drawn.
    """

    def __init__(self, photons: int, device: torch.device) -> None:
        width = int(poisson.ppf(1 - 1e-12, photons)) + 1
        levels = np.arange(256)[:, None]
        table = levels + poisson.cdf(np.arange(width)[None], photons * levels / 255)
        table[:, -1] = levels[:, 0] + 1
        flat = table.ravel()
        cells = np.searchsorted(flat, np.arange(256 * CELLS + 1) / CELLS)
        steps = np.diff(cells)
        here = np.minimum(cells[:-1], flat.size - 1)
        # a cell of several steps is above every draw, and is searched
        first = torch.from_numpy(np.where(steps > 1, np.inf, flat[here]))
        self._width = width
        self._table, self._step = torch.from_numpy(flat).to(device), first.to(device)
        counts = cells[:-1] - np.arange(256 * CELLS) // CELLS * width
        self._count = torch.from_numpy(counts.astype(np.float32)).to(device)

    def counts(self, levels: Tensor, drawn: Tensor) -> Tensor:
        """The smallest count whose distribution function reaches ``drawn`` (a float64 in (0, 1)), as float32."""
        place = drawn.add_(levels).flatten()  # in row v of the table
        cell = (place * CELLS).int()
        step = self._step.index_select(0, cell)
        found = self._count.index_select(0, cell).add_(step < place)
        (rest,) = (step == math.inf).nonzero(as_tuple=True)
        row = place[rest].long()
        found[rest] = (torch.searchsorted(self._table, place[rest]) - row * self._width).float()
        return found.view_as(drawn)


@lru_cache(maxsize=16)
def _poisson(photons: int, device: torch.device) -> Poisson:
    return Poisson(photons, device)


@register("impulse_noise", "noise", (0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27))
def impulse_noise(images: Tensor, share: float, draws: Draws, scale: Scale = SAME) -> Tensor:
    """Salt and pepper: a share c of the values, channels apart, half of them 255 and half 0.

    Images (N, 3, H, W).
    """
    drawn = draws.uniform(*images.shape[1:])
    return images.masked_fill(drawn < share / 2, 255).masked_fill_(drawn > 1 - share / 2, 0)
