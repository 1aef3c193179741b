"""A check that a network was left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def unchanged(network: nn.Module) -> Iterator[None]:
    """Asserts that weights, buffers, modes, hooks and gradients are after the block what they were before."""

    def picture() -> tuple[list[bool], list[int], list[bool], list[bool]]:
        modules, parameters = list(network.modules()), list(network.parameters())
        hooks = [
            len(getattr(module, kind))
            for module in modules
            for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        ]
        return (
            [module.training for module in modules],
            hooks,
            [parameter.requires_grad for parameter in parameters],
            [parameter.grad is None for parameter in parameters],
        )

    before, state = picture(), {name: tensor.clone() for name, tensor in network.state_dict().items()}
    yield
    assert picture() == before
    after = network.state_dict()
    assert list(after) == list(state)
    assert all(torch.equal(after[name], tensor) for name, tensor in state.items())
