"""The time of one inference: warmed up, repeated, on a fixed number of threads."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from evonas.core.quantities import memory
from evonas.searching.latency.backend import Backend
from evonas.searching.latency.measure import summary
from evonas.searching.latency.protocol import P95, Protocol
from fitness import Task, stable_hash
from fitness.base import threads
from fitness.population.memory import free
from spaces.errors import EvonasError


class Timing(NamedTuple):
    """Milliseconds of one inference of a batch."""

    median: float
    p95: float  # that 95 % of the runs do not exceed

    def of(self, statistic: str) -> float:
        """One of them."""
        return self.p95 if statistic == P95 else self.median


def timing(genotype: Any, task: Task, backend: Backend, protocol: Protocol) -> Timing:
    """The latency of the network of ``genotype`` at the size of ``task``, in float32.

    Raises `NoScore` for a network that the backend cannot compute, `EvonasError` for a batch that does not fit
    into memory.
    """
    device = backend.device(task.device)
    with threads(protocol.threads):
        network, images = network_and_images(genotype, task, device, protocol.batch)
        call = backend.prepared(network, images)
        for _ in range(protocol.warmup):
            call()
        return Timing(*summary([_seconds(call, device) for _ in range(protocol.runs)]))


def network_and_images(genotype: Any, task: Task, device: str, batch: int) -> tuple[nn.Module, Tensor]:
    """An untrained network in eval mode and images (N, 3, H, W). Raises `EvonasError` for too large a batch."""
    generator = torch.Generator().manual_seed(stable_hash(task.seed, task.space.key(genotype)))
    network = task.space.build(genotype, task.size, generator=generator).requires_grad_(False).to(device).eval()
    one = torch.rand((1, *task.size.image), generator=generator)
    if batch > 1:
        _require_memory(network, one.to(device), batch, device)
        one = torch.cat([one, torch.rand((batch - 1, *task.size.image), generator=generator)])
    return network, one.to(device)


def _require_memory(network: nn.Module, image: Tensor, batch: int, device: str) -> None:
    """Raises `EvonasError` if ``batch`` times the largest layer needs more than the free memory."""
    sizes = [0]

    def note(layer: nn.Module, inputs: Any, output: Any) -> None:
        sizes.append(sum(one.numel() * one.element_size() for one in (*inputs, output) if torch.is_tensor(one)))

    layers = [layer for layer in network.modules() if not [*layer.children()]]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    with torch.inference_mode():
        network(image)
    for hook in hooks:
        hook.remove()
    needed, unused = batch * max(sizes), free(device)
    if unused is not None and needed > unused:
        raise EvonasError(
            f"a latency with batch={batch} needs more than {memory(needed)} of memory, and {memory(unused)} is "
            "free; use a smaller batch"
        )


def _seconds(call: Any, device: str) -> float:
    _wait(device)
    started = time.perf_counter()
    call()
    _wait(device)
    return time.perf_counter() - started


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
