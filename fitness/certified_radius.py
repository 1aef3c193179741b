"""The radius within which intervals certify the predictions of an untrained network."""

from __future__ import annotations

from typing import Any

import torch

from fitness.base import NoScore, Task
from fitness.bounds.certify import lower_margins
from fitness.bounds.untrained import arithmetic_of, calibrated_of, normalised_box
from fitness.registered import register

FIRST = 2.0**-30  # radius of the first bounds, a part of the pixel range
SMALLEST = 2.0**-44  # below it, rounding in float64 is more than the box
STEPS = 3  # of the extrapolation, which then is within 0.001 of a bisection in log2


@register(
    "certified-radius",
    formula="mean_i log2 r_i, r_i the largest radius in which intervals certify the prediction of image i",
    source="the lower bound that DSRNA maximises (Hosseini, Yang, Xie 2021, arXiv:2012.06122), by intervals "
    "(Gowal et al. 2018, arXiv:1810.12715)",
    cost="2 forwards, 3 forwards of intervals in float64",
    needs_images=True,
)
def certified_radius(genotype: Any, task: Task) -> float:
    """The mean log2 of the radius in which intervals certify the class that the network predicts.

        score = 1/N sum_i log2 max { r : min_(k != y) l_k(r) > 0 },  y = argmax_k f_k(x_i)

    l_k(r) is the lower bound of f_y - f_k over the box of radius r around image i, within [0, 1], in float64;
    BatchNorm has the statistics of the batch. The bounds are nearly linear in r, so each step solves l_k(r) = 0 on
    the line through l_k(0) and the last bound. Deep networks have smaller radii than float64 resolves, and no
    score. Convolutions make the radius smaller, so on untrained networks the score prefers the smallest ones: on
    NAS-Bench-201 rho is negative with clean accuracy and with accuracy under attack.
    """
    network, images, batch = calibrated_of(task, genotype)
    with torch.no_grad():
        logits = network(images.double())
    labels = logits.argmax(1)
    margins = logits.amax(1, keepdim=True) - logits  # (N, K)
    radius = torch.full((len(images),), FIRST, dtype=torch.float64, device=images.device)
    arithmetic = arithmetic_of(network)
    for _ in range(STEPS):
        bounds = lower_margins(network, normalised_box(batch, images, radius), labels, arithmetic=arithmetic)
        slopes = ((margins - bounds) / radius[:, None]).clamp(min=0)
        radius = (margins / slopes).scatter(1, labels[:, None], torch.inf).amin(1).clamp(max=1)
    if not (radius < 1).any():
        raise NoScore("the logits do not depend on the images")
    if not (radius > SMALLEST).all():
        raise NoScore("float64 does not resolve the certified radius of so deep a network")
    return float(radius.log2().mean())
