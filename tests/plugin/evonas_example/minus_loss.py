"""A proxy: how well the untrained network classifies the batch."""

from __future__ import annotations

from typing import Any

import torch
from torch.func import functional_call
from torch.nn import functional as F

from fitness import Task, register


@register(
    "minus-loss", formula="- L(f(x), y)", source="an example", cost="1 forward", needs_images=True, version=1
)
def minus_loss(genotype: Any, task: Task) -> float:
    """Minus the cross-entropy of the batch, without BatchNorm."""
    images, labels = task.images_and_labels()
    network = task.network(genotype, norm=False)
    buffers = {
        name: buffer.clone() for name, buffer in network.named_buffers()
    }  # other proxies use the network, too
    with torch.no_grad():
        return -float(F.cross_entropy(functional_call(network, buffers, (images,)), labels))
