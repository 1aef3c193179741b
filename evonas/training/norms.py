"""The state that a forward pass of training would change: statistics of BatchNorm and paths that are dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

COUNTER = "num_batches_tracked"
STATISTICS: dict[str, Tensor | None] = {"running_mean": None, "running_var": None, COUNTER: None}


class Norms:
    """The BatchNorm layers of a network and its modules that drop paths, looked for once.

    A network has a thousand modules, and buffers are set where they are stored: both together take 10 ms less.
    """

    def __init__(self, model: nn.Module) -> None:
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        self._buffers: list[dict[str, Tensor | None]] = [norm._buffers for norm in norms]
        self._droppers: list[Any] = [module for module in model.modules() if hasattr(module, "drop_path_prob")]

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Uses batch statistics as in training, without updating running statistics or dropping paths."""
        dropping = [(module, module.drop_path_prob) for module in self._droppers if module.drop_path_prob]
        for module, _ in dropping:
            module.drop_path_prob = 0.0
        try:
            with self._without(STATISTICS):
                yield
        finally:
            for module, probability in dropping:
                module.drop_path_prob = probability

    @contextmanager
    def counted_at_the_end(self, steps: int) -> Iterator[None]:
        """Counts the batches of ``steps`` steps in one operation afterwards, instead of one per layer and step."""
        with self._without({COUNTER: None}):
            yield
        counters = [counter for buffers in self._buffers if (counter := buffers[COUNTER]) is not None]
        if counters:
            torch._foreach_add_(counters, steps)

    @contextmanager
    def _without(self, absent: dict[str, Tensor | None]) -> Iterator[None]:
        before = [{name: buffers[name] for name in absent} for buffers in self._buffers]
        for buffers in self._buffers:
            buffers.update(absent)
        try:
            yield
        finally:
            for buffers, kept in zip(self._buffers, before, strict=True):
                buffers.update(kept)
