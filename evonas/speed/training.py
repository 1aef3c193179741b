"""Images per second of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from fitness import Task


def step_of(genotype: Any, task: Task, batch_size: int) -> Callable[[], None]:
    """One step of SGD with momentum on random images; bfloat16 on a GPU, float32 on a CPU, channels last."""
    kind = "cuda" if task.device.startswith("cuda") else "cpu"
    network = task.network(genotype).float().to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)
    images = torch.rand(batch_size, *task.size.image, device=task.device).to(memory_format=torch.channels_last)
    labels = torch.arange(batch_size, device=task.device) % task.size.classes

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimiser.step()

    return step
