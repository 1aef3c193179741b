"""A context in which a model is attacked and whose state is restored afterwards."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fitness.precision import full_precision

Model = Callable[[Tensor], Tensor]


@contextmanager
def undisturbed(model: Model, device: torch.device | str = "cpu") -> Iterator[None]:
    """Eval mode, float32 without autocast and TF32, deterministic kernels, no gradients of the weights.

    Afterwards the mode of every module, the ``requires_grad`` and gradient of every parameter, the global random
    states and the trace function are restored. BatchNorm does not change in eval mode.
    """
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [(module, module.training) for module in modules]
    parameters = list(model.parameters()) if isinstance(model, nn.Module) else []
    learned = [(parameter, parameter.requires_grad) for parameter in parameters]
    kind = torch.device(device).type
    with (
        _global_state(torch.device(device)),
        _numerics(),
        torch.autocast(kind, enabled=False),
        torch.inference_mode(False),
    ):
        try:
            for module in modules:
                module.training = False
            for parameter in parameters:
                parameter.requires_grad_(False)
            yield
        finally:
            for module, training in modes:
                module.training = training
            for parameter, required in learned:
                parameter.requires_grad_(required)


@contextmanager
def _global_state(device: torch.device) -> Iterator[None]:
    python, numpy, trace = random.getstate(), np.random.get_state(), sys.gettrace()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
            if sys.gettrace() is not trace:
                sys.settrace(trace)


@contextmanager
def _numerics() -> Iterator[None]:
    cudnn: Any = torch.backends.cudnn
    flags = {"benchmark": False, "deterministic": True}
    before = {name: getattr(cudnn, name) for name in flags}
    try:
        for name, value in flags.items():
            setattr(cudnn, name, value)
        with full_precision():
            yield
    finally:
        for name, value in before.items():
            setattr(cudnn, name, value)
