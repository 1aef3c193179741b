"""The network as the steps of a training call it: compiled, and distributed over several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from evonas.core.events import Observer, Warned
from evonas.training.parallel import Group
from fitness.population.memory import is_exhaustion

MAX_REASON_CHARS = 200


class Forward:
    """Calls ``model``, through `torch.compile` if asked, with gradients averaged over the processes of ``group``.

    All shapes are fixed. On a GPU a single process replays CUDA graphs: one launch in place of thousands.
    """

    def __init__(self, model: nn.Module, device: str, compile: bool, observer: Observer, group: Group) -> None:
        self.model, self.device, self.observer, self.group = model, device, observer, group
        self.cuda = device.startswith("cuda")
        self._network: Any = model
        if compile:
            mode = "reduce-overhead" if group.world == 1 else "default"
            self._network = torch.compile(model, mode=mode, dynamic=False)
        self._distributed: Any = None  # its hooks would interfere with the first, discarded backward pass

    @property
    def compiled(self) -> bool:
        """Whether calls go through `torch.compile`, which may have failed."""
        return self._network is not self.model

    def prepare(self, loss: Callable[[nn.Module], Tensor]) -> None:
        """Before the first step: compile by computing ``loss`` of the network, (), and its gradients.

        They are discarded. If that fails, the observer is told, and the network is called as it is.
        """
        if self._distributed is not None:
            return
        if self.compiled:
            reason = self._failure(loss)
            if self.group.total(torch.tensor(float(bool(reason)), device=self.device)).item():
                self._network = self.model
                said = reason or "in another process"
                self.observer(Warned(f"torch.compile failed ({said}); the network is trained without it"))
        self._distributed = self.group.wrapped(self._network, self.device)

    def __call__(self, pixels: Tensor) -> Any:
        """What the network answers to float32 (n, 3, H, W), with gradients of its weights."""
        self._begin()
        return self._distributed(pixels)

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits (n, classes) of float32 (n, 3, H, W) without the other processes, for an attack."""
        self._begin()
        answer = self._network(pixels)
        return answer[0] if isinstance(answer, tuple) else answer

    @contextmanager
    def attacked(self) -> Iterator[None]:
        """Within the block a compiled network has no gradients of its weights, which it would compute in vain."""
        parameters = list(self.model.parameters()) if self.compiled else []
        for parameter in parameters:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in parameters:
                parameter.requires_grad_(True)

    def close(self) -> None:
        """Forget compiled code and CUDA graphs, which hold memory and count against a limit of PyTorch."""
        if self.compiled:
            torch.compiler.reset()

    def _begin(self) -> None:
        if self.compiled and self.cuda:
            torch.compiler.cudagraph_mark_step_begin()  # no output of an earlier call is needed any more

    def _failure(self, loss: Callable[[nn.Module], Tensor]) -> str:
        """Why the network cannot be compiled; empty if it can."""
        buffers = [(buffer, buffer.clone()) for buffer in self.model.buffers()]
        try:
            with torch.random.fork_rng(devices=[torch.device(self.device)] if self.cuda else []):
                self._begin()
                loss(self._network).backward()
        except Exception as error:
            if isinstance(error, RuntimeError | MemoryError) and is_exhaustion(error):
                raise
            return " ".join(str(error).split())[:MAX_REASON_CHARS] or type(error).__name__
        finally:
            self.model.zero_grad(set_to_none=True)
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)
        return ""
