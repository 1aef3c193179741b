"""Small tasks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from fitness import Batch, Task
from spaces import NetworkSize, Space

Tasks = Callable[..., Task]
EVERY_PROXY = ("test_every_proxy.py", "test_proxies_contract.py", "test_proxies_formula.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every proxy on every space takes minutes; the third space has its turn with the long tests."""
    for item in items:
        if item.path.name in EVERY_PROXY and "robnet" in item.name:
            item.add_marker(pytest.mark.slow)


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
