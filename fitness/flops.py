"""FLOPs of one image."""

from __future__ import annotations

from typing import Any

from fitness.base import Task
from fitness.registered import register


@register("flops", formula="2 x MACs of one image", source="closed form", cost="no network", needs_images=False)
def flops(genotype: Any, task: Task) -> float:
    """FLOPs of one image, convolutions and linear layers."""
    return task.space.flops(genotype, task.size)
