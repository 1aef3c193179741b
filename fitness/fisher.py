"""Fisher: what the loss would gain, to second order, from removing each channel."""

from __future__ import annotations

from typing import Any

from fitness.base import Task, register
from fitness.passes import first_order_sums


@register(
    "fisher",
    formula="sum over m, k of fan_m/2 mean_n (sum_p a_nkp dL/da_nkp)^2",
    source="Theis et al. 2018, Turner et al. 2020 (arXiv:1906.04113); as released with Abdelfattah et al. 2021",
    cost="1 forward, 1 backward, shared with plain, grad-norm and snip",
    needs_images=True,
)
def fisher(genotype: Any, task: Task) -> float:
    """Fisher information of the channels a_m of every Conv2d and Linear layer's output.

        Delta_mk = 1/2 mean_n (sum_p a_nkp dL/da_nkp)^2      score = sum_m fan_m sum_k Delta_mk

    n runs over images, p over positions, fan_m = C_in/groups k k. The papers judge a channel after its
    activation and count it once; the released code, which earned the published numbers and is followed here,
    takes the convolution's own output and counts a channel once for each of its weights (fan_m).
    """
    return first_order_sums(genotype, task).fisher
