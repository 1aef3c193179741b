"""The time of one inference: warmed up, the median of repeated runs of one image on a fixed number of threads."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import torch
from torch import nn

from evonas.searching.latency.backend import Backend
from fitness import Task, stable_hash
from fitness.base import threads

WARMUP, RUNS = 10, 50
THREADS = 1


def milliseconds(genotype: Any, task: Task, backend: Backend) -> float:
    """The latency of the network of ``genotype`` at the size of ``task`` for one image, in float32.

    Raises `NoScore` for a network that the backend cannot compute.
    """
    device = backend.device(task.device)
    with threads(THREADS):
        call = backend.prepared(*_network(genotype, task, device))
        for _ in range(WARMUP):
            call()
        return 1000 * median(_seconds(call, device) for _ in range(RUNS))


def _network(genotype: Any, task: Task, device: str) -> tuple[nn.Module, torch.Tensor]:
    """An untrained network in eval mode and an image (1, 3, H, W)."""
    generator = torch.Generator().manual_seed(stable_hash(task.seed, task.space.key(genotype)))
    network = task.space.build(genotype, task.size, generator=generator).requires_grad_(False)
    image = torch.rand((1, *task.size.image), generator=generator)
    return network.to(device).eval(), image.to(device)


def _seconds(call: Any, device: str) -> float:
    _wait(device)
    started = time.perf_counter()
    call()
    _wait(device)
    return time.perf_counter() - started


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
