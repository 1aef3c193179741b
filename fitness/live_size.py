"""Live parameters: those on a path from the images to the logits."""

from __future__ import annotations

from typing import Any

from fitness.base import Task
from fitness.registered import register


@register(
    "live-size",
    formula="parameters of layers on a path from the images to the logits",
    source="closed form",
    cost="no network",
    needs_images=False,
)
def live_size(genotype: Any, task: Task) -> float:
    """Parameters of live layers; dead nodes and nodes fed only by ``none`` do not count."""
    return sum(stage.tally.live_params for stage in task.space.stages(genotype, task.size))
