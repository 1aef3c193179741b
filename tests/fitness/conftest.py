"""Small tasks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from fitness import Batch, Task
from spaces import NetworkSize, Space

Tasks = Callable[..., Task]


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
        layers = layers or (1 if space.name == "robnet" else 3)  # its cells are dense, so one is enough
        size = NetworkSize(channels, layers, image_size=side)
        return Task(space, size, seed, make_batch(n, side), dtype=dtype)

    return make
