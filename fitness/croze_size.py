"""The saturated limit of CRoZe in closed form."""

from __future__ import annotations

from typing import Any

from fitness.base import Task
from fitness.registered import register


@register(
    "croze-size",
    formula="sum over live m of (C_in/groups k k)^2 C H W",
    source="this project; the saturated limit of croze",
    cost="no network",
    needs_images=False,
)
def croze_size(genotype: Any, task: Task) -> float:
    """`croze` with every cosine at its limit: the sum of fan_m^2 times the size of z_s(m).

    P_m and G_m each grow with the C_in/groups k k columns of a weight, Z_m with the C H W positions of the
    stage's output. `croze` is about 3.7 times this number at C=36, L=20, less in small networks.
    """
    return sum(stage.features * stage.tally.live_fan_squared for stage in task.space.stages(genotype, task.size))
