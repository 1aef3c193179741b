"""A network with other tensors in the place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.func import functional_call

from fitness.passes import buffers_of
from spaces import Network
from spaces.arithmetic import PLAIN, Arithmetic


class Replaced(Network):
    """``network`` computing with ``tensors`` (any shapes) in the place of those of these names.

    Its buffers stay as they are; gradients reach ``tensors`` and the parameters that are not replaced.
    """

    def __init__(self, network: Network, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.network, self.tensors = network, dict(tensors)

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        return functional_call(self.network, {**buffers_of(self.network), **self.tensors}, (x, arithmetic))


def in_float64(network: Network) -> Replaced:
    """The network in float64; gradients reach its parameters."""
    inner, replaced = (network.network, network.tensors) if isinstance(network, Replaced) else (network, {})
    tensors = {**dict(inner.named_parameters()), **dict(inner.named_buffers()), **replaced}
    return Replaced(inner, {name: double(one) for name, one in tensors.items()})


def double(x: Tensor) -> Tensor:
    """``x`` (any shape) in float64 if it has floating point."""
    return x.double() if x.is_floating_point() else x
