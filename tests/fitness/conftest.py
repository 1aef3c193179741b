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
# Properties of tasks and scoring that all spaces share; the third space has its turn with the long tests.
SHARED_BY_ALL_SPACES = {
    "test_a_score_depends_neither_on_order_nor_on_what_was_scored_before",
    "test_a_score_depends_on_no_global_generator_and_leaves_them_alone",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        shared = isinstance(item, pytest.Function) and item.originalname in SHARED_BY_ALL_SPACES
        if shared and item.callspec.params["space"] == "robnet":
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
