"""The certified radius of an untrained network to first order, where float64 cannot resolve the radius itself."""

from __future__ import annotations

from typing import Any

from fitness.base import NoScore, Task
from fitness.bounds.growth import log_radii
from fitness.bounds.untrained import calibrated_of, normalised_growth
from fitness.registered import register


@register(
    "certified-radius-limit",
    formula="mean_i log2 min_(k != y) (f_y - f_k) / s_k at image i, s_k = - d l_k(r) / dr at r = 0",
    source="certified-radius by the derivative of its intervals, which is this project's; with the sign of that "
    "proxy, which the evidence contradicts: rho with accuracy under attack is negative",
    cost="2 forwards, 1 forward of intervals and their derivative in float64",
    needs_images=True,
)
def certified_radius_limit(genotype: Any, task: Task) -> float:
    """The mean log2 of the radius in which intervals certify the network's predictions, to first order in it.

        score = 1/N sum_i log2 min(1, min_(k != y) (f_y(x_i) - f_k(x_i)) / s_k),   s_k = - d l_k(r) / dr at r = 0

    l_k(r) is the lower bound of f_y - f_k of `certified-radius`, from which the score differs by the ReLUs that
    change their sign within the radius: less, the smaller it is. No radius is compared with a value and
    derivatives have a log-scale, so deep networks have a score, too. Like `certified-radius` it prefers the
    smallest networks: on NAS-Bench-201 and on DARTS, rho is negative with accuracy under attack.
    """
    network, images, batch = calibrated_of(task, genotype)
    radii = log_radii(network, images, normalised_growth(batch, images)).clamp(max=0)
    if not (radii < 0).any():
        raise NoScore("the logits do not depend on the images")
    if not radii.isfinite().all():
        raise NoScore("two classes have the largest logit of an image")
    return float(radii.mean())
