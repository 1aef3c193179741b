"""Small tasks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from fitness import Batch, Task
from spaces import NetworkSize, Space

Tasks = Callable[..., Task]

# The only pairs of a proxy and a space whose scores carry no information; every other pair is tested.
ROUNDING_ALONE = {
    (
        "jacob-cov",
        "robnet",
    ): "the summed logits of a batch do not depend on its images (tests/spaces/test_robnet.py)",
}


@pytest.fixture
def make_task(make_batch: Callable[..., Batch]) -> Tasks:
    """A task of ``n`` random images with ``side`` pixels."""

    def make(
        space: Space,
        channels: int = 4,
        layers: int | None = None,
        *,
        n: int = 3,
        side: int = 16,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ) -> Task:
        # RobNet's cells are dense, and layers of NAS-Bench-201 are cells in each of three stages
        layers = layers or (1 if space.name in ("robnet", "nasbench201") else 3)
        size = NetworkSize(channels, layers, image_size=side)
        return Task(space, size, seed, make_batch(n, side), dtype=dtype)

    return make
