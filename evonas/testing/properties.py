"""Properties that a contract consists of."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


def require(holds: object, text: str) -> None:
    """Raises `AssertionError` with ``text`` unless ``holds``; unlike ``assert`` also under ``python -O``."""
    if not holds:
        raise AssertionError(text)


def refused(call: Callable[[], object], error: type[Exception], text: str) -> Exception:
    """The exception of ``call``. Raises `AssertionError` with ``text`` unless it raises ``error``."""
    try:
        call()
    except error as caught:
        return caught
    except Exception as other:
        raise AssertionError(f"{text}; it raises {type(other).__name__}: {other}") from other
    raise AssertionError(f"{text}; it raises nothing")


@contextmanager
def global_generators(seed: int, what: str) -> Iterator[None]:
    """Global generators seeded with ``seed``. Raises `AssertionError` if the block draws from or seeds one."""
    saved = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    try:
        yield
        after = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    finally:
        torch.set_rng_state(saved[0])
        np.random.set_state(saved[1])
        random.setstate(saved[2])
    require(torch.equal(before[0], after[0]), f"{what} uses the global generator of torch")
    require(before[1] == after[1], f"{what} uses the global generator of numpy.random")
    require(before[2] == after[2], f"{what} uses the global generator of random")


class Picture:
    """What a network is: weights, buffers, modes, hooks, and which parameters have or want gradients."""

    def __init__(self, network: nn.Module) -> None:
        self.tensors = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        self.outline = self._outline(network)

    @staticmethod
    def _outline(network: nn.Module) -> dict[str, list[int]]:
        modules, parameters = list(network.modules()), list(network.parameters())
        kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        return {
            "the training mode": [module.training for module in modules],
            "hooks": [len(getattr(module, kind)) for module in modules for kind in kinds],
            "requires_grad": [parameter.requires_grad for parameter in parameters],
            "gradients": [parameter.grad is not None for parameter in parameters],
        }

    def require_of(self, network: nn.Module, what: str) -> None:
        """Raises `AssertionError` if ``what`` has changed ``network`` since."""
        for name, values in self._outline(network).items():
            require(values == self.outline[name], f"{what} leaves {name} of the network changed")
        now = network.state_dict()
        require(list(now) == list(self.tensors), f"{what} adds or removes tensors of the network")
        for name, tensor in self.tensors.items():
            require(torch.equal(tensor, now[name]), f"{what} changes {name} of the network")
