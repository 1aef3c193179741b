"""Initial weights from an explicit generator, in PyTorch's default distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def built(construct: Callable[[], M], generator: torch.Generator) -> M:
    """The module that ``construct`` makes, in float32 on the CPU, with initial weights from ``generator``."""
    with torch.device("meta"):
        network = construct()
    # the first call of `to_empty` would import a symbolic algebra system
    network = network._apply(lambda tensor: torch.empty(tensor.shape, dtype=tensor.dtype))
    return initialise(network, generator)


@torch.no_grad()
def initialise(network: M, generator: torch.Generator) -> M:
    """Set every parameter and buffer of ``network`` in place and return it.

    Convolution and linear layers: U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weight and bias (what
    ``reset_parameters`` draws). BatchNorm: weight 1, bias 0, running mean 0, running variance 1. Draws are
    made on the generator's device in the order of ``modules()``, so equal structure and seed give equal weights.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            bound = 1 / math.sqrt(module.weight[0].numel())
            module.weight.uniform_(-bound, bound, generator=generator)
            if module.bias is not None:
                module.bias.uniform_(-bound, bound, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif any(True for _ in module.parameters(recurse=False)):
            raise TypeError(f"the initial distribution of {type(module).__name__} is unknown")
    return network
