"""Plain saliency: how much the loss would change if every weight were removed, signs kept."""

from __future__ import annotations

from typing import Any

from fitness.base import Task
from fitness.passes import first_order_sums
from fitness.registered import register


@register(
    "plain",
    formula="sum over m of theta_m . g_m",
    source="Abdelfattah et al. 2021 (arXiv:2101.08134), baseline; as released",
    cost="1 forward, 1 backward, shared with grad-norm, snip and fisher",
    needs_images=True,
    version=2,
)
def plain(genotype: Any, task: Task) -> float:
    """Sum of weight times gradient over all Conv2d and Linear weights, with its sign.

        g_m = grad L(f(x), y) with respect to theta_m       score = sum_m sum_i theta_mi g_mi

    BatchNorm makes the loss invariant to the scale of the weights before it, so theta_m . g_m = 0 there (Euler's
    theorem). Only layers without BatchNorm, mainly the classifier, contribute; therefore it does not rank.
    """
    return first_order_sums(genotype, task).plain
