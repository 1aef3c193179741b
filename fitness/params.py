"""The number of parameters, the baseline for every proxy."""

from __future__ import annotations

from typing import Any

from fitness.base import Task
from fitness.registered import register


@register(
    "params",
    formula="number of trainable parameters",
    source="closed form",
    cost="no network",
    needs_images=False,
)
def params(genotype: Any, task: Task) -> float:
    """Trainable parameters of the network, without an auxiliary head."""
    return task.space.params(genotype, task.size)
