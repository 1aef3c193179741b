"""GradNorm: the length of the gradient of the untrained network."""

from __future__ import annotations

from typing import Any

from fitness.base import Task
from fitness.passes import first_order_sums
from fitness.registered import register


@register(
    "grad-norm",
    formula="sum over m of |g_m|",
    source="Abdelfattah et al. 2021 (arXiv:2101.08134), as released",
    cost="1 forward, 1 backward, shared with plain, snip and fisher",
    needs_images=True,
    version=2,
)
def grad_norm(genotype: Any, task: Task) -> float:
    """Sum over Conv2d and Linear layers of the Euclidean norm of the weight's gradient.

        g_m = grad L(f(x), y) with respect to theta_m       score = sum_m |g_m|

    The paper speaks of the norm of the whole gradient; the released code, which earned the published numbers
    and is followed here, sums the norms of the layers.
    """
    return first_order_sums(genotype, task).norm
