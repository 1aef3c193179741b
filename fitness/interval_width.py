"""How far intervals of the logits are apart on an untrained network."""

from __future__ import annotations

import math
from typing import Any

from fitness.base import NoScore, Task
from fitness.bounds.certify import logit_bounds
from fitness.bounds.untrained import arithmetic_of, calibrated_of, normalised_box
from fitness.passes import Remembered
from fitness.registered import register

EPSILON = 1 / 255  # of the pixel range
SOURCE = "intervals of Gowal et al. 2018 (arXiv:1810.12715)"
COST = "1 forward, 1 forward of intervals in float64"


@Remembered
def log_width(genotype: Any, task: Task) -> float:
    """log of the mean over images and classes of u - l; shared by both proxies."""
    network, images, batch = calibrated_of(task, genotype)
    low, high = logit_bounds(network, normalised_box(batch, images, EPSILON), arithmetic=arithmetic_of(network))
    width = float((high - low).mean())
    if not width > 1e-12:  # the rounding that intervals enclose
        raise NoScore("the logits do not depend on the images")
    return math.log(width)


@register(
    "interval-width",
    formula="- log mean_ik (u_ik - l_ik), l <= f(x) <= u for |x - x_i| <= 1/255",
    source=f"{SOURCE}; with this sign, tight bounds, as in searches for certified robustness",
    cost=COST,
    needs_images=True,
)
def interval_width(genotype: Any, task: Task) -> float:
    """Minus the log of the mean width of the logits' intervals at 1/255: larger is tighter.

        score = - log 1/(N K) sum_ik (u_ik - l_ik)

    l and u bound logit k over the box of 1/255 around image i, within [0, 1], by intervals in float64; BatchNorm
    has the statistics of the batch. Every convolution widens the intervals, so on untrained networks the score
    prefers the smallest ones: on NAS-Bench-201 rho is negative with clean accuracy and with accuracy under attack.
    `interval-growth` is its negative.
    """
    return -log_width(genotype, task)


@register(
    "interval-growth",
    formula="log mean_ik (u_ik - l_ik), l <= f(x) <= u for |x - x_i| <= 1/255",
    source=f"{SOURCE}; the sign is this project's",
    cost=COST,
    needs_images=True,
)
def interval_growth(genotype: Any, task: Task) -> float:
    """The log of the mean width of the logits' intervals at 1/255: `interval-width` with the sign that ranks well.

        score = log 1/(N K) sum_ik (u_ik - l_ik)

    Not a measure of robustness: wide intervals certify nothing. It sums over paths the products of |weights| and
    slopes of BatchNorm, much as `synflow` does, and grows with the number of convolutions on a path.
    """
    return log_width(genotype, task)
