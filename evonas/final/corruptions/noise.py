"""The three noises: electronic, of few photons, and of broken pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.stats import poisson
from torch import Tensor

from evonas.final.corruptions.base import register, to_uint8
from evonas.final.corruptions.draws import Draws


@register("gaussian_noise", "noise", (0.04, 0.06, 0.08, 0.09, 0.10))
def gaussian_noise(images: Tensor, deviation: float, draws: Draws) -> Tensor:
    """x + N(0, c) in every value."""
    return to_uint8(draws.normal(*images.shape[1:]).mul_(deviation).add_(images.float().div_(255)))


@register("shot_noise", "noise", (500, 250, 100, 75, 50))
def shot_noise(images: Tensor, photons: int, draws: Draws) -> Tensor:
    """Poisson(c x) / c in every value, by inverting the distribution function."""
    table, width = _cumulative(photons)
    drawn = draws.uniform(*images.shape[1:]).add_(
        images
    )  # level v becomes v + u, which lies in row v of the table
    counts = torch.searchsorted(table.to(images.device), drawn).sub_(images.long() * width)
    return to_uint8(counts.float().div_(photons))


@lru_cache(maxsize=8)
def _cumulative(photons: int) -> tuple[Tensor, int]:
    """v + P(count <= k) for every grey level v, as one sorted row (256 * width,); it ends where 1 is reached."""
    width = int(poisson.ppf(1 - 1e-12, photons)) + 1
    levels = np.arange(256)[:, None]
    table = levels + poisson.cdf(np.arange(width)[None], photons * levels / 255)
    table[:, -1] = levels[:, 0] + 1
    return torch.from_numpy(table.flatten()), width


@register("impulse_noise", "noise", (0.01, 0.02, 0.03, 0.05, 0.07))
def impulse_noise(images: Tensor, share: float, draws: Draws) -> Tensor:
    """Salt and pepper: a share c of the values, channels apart, half of them 255 and half 0."""
    drawn = draws.uniform(*images.shape[1:])
    return images.masked_fill(drawn < share / 2, 255).masked_fill_(drawn > 1 - share / 2, 0)
