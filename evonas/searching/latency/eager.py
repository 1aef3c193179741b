"""PyTorch in eager mode, on the device of the run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from evonas.searching.latency import DEFAULT, backends
from evonas.searching.latency.backend import Backend


class Eager(Backend):
    """PyTorch in eager mode without gradients."""

    title = "PyTorch"

    def version(self) -> str:
        return torch.__version__

    def device(self, device: str) -> str:
        return device

    def prepared(self, network: nn.Module, image: Tensor) -> Callable[[], object]:
        def call() -> object:
            with torch.inference_mode():
                return network(image)

        return call


backends.register(DEFAULT)(Eager())
