"""SNIP: the connection sensitivity of every weight."""

from __future__ import annotations

from typing import Any

from fitness.base import Task
from fitness.passes import first_order_sums
from fitness.registered import register


@register(
    "snip",
    formula="sum over m of |theta_m| . |g_m|",
    source="Lee, Ajanthan, Torr 2019 (arXiv:1810.02340); summed by Abdelfattah et al. 2021",
    cost="1 forward, 1 backward, shared with plain, grad-norm and fisher",
    needs_images=True,
    version=2,
)
def snip(genotype: Any, task: Task) -> float:
    """Sum of |weight times gradient|: the gradient of the loss for a mask c on the weights, at c = 1.

        score = sum_m sum_i |theta_mi g_mi|,    g_m = grad L(f(x), y) with respect to theta_m

    The pruning paper divides by the total; a proxy is that total.
    """
    return first_order_sums(genotype, task).snip
