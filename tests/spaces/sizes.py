"""Sizes counted the slow way: on a network without memory, with hooks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from spaces import NetworkSize, Space


def built_params_and_macs(space: Space, genotype: Any, size: NetworkSize) -> tuple[int, int]:
    """All parameters, and the multiply-accumulates of every convolution and linear layer for one image."""
    with torch.device("meta"):
        network = space.construct(genotype, size).eval()
        image = torch.empty(1, 3, size.image_size, size.image_size)
    macs = 0

    def count(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        nonlocal macs
        macs += module.weight.numel() * output[0, 0].numel()  # one value, or H x W, per output channel

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    with torch.no_grad():
        logits = network(image)
    assert logits.shape == (1, size.classes)
    return sum(parameter.numel() for parameter in network.parameters()), macs
