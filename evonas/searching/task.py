"""The scoring task made from settings."""

from __future__ import annotations

import torch

from evonas.store.settings import SearchSettings
from fitness import Batch, Populations, Task
from spaces import NetworkSize, Space, spaces
from spaces.size import CIFAR


def task_of(settings: SearchSettings, images: Batch | None, workers: int = 1) -> Task:
    """The scoring task of a run, for ``workers`` that share the memory of a CPU or of the GPUs.

    On a GPU a single network is a population of one wherever a population can hold it: half of the calls.
    """
    assert settings.channels and settings.layers and settings.classes and settings.image_size  # resolved
    stem = settings.stem or CIFAR
    size = NetworkSize(settings.channels, settings.layers, settings.classes, settings.image_size, stem)
    space = spaces[settings.space]
    dtype = torch.float64 if settings.precision == "float64" else torch.float32
    networks = settings.batch_networks or 1
    memory = settings.memory
    if memory <= 1:
        memory /= _on_one_device(settings.device, workers)
    together = networks > 1 or shares_passes(space, settings.device)
    populations = Populations(networks, memory) if together else None
    return Task(space, size, settings.seed, images, settings.device, dtype, populations)


def shares_passes(space: Space, device: str) -> bool:
    """Whether networks are scored in populations on ``device`` whatever their number is."""
    return device != "cpu" and space.has_shared_passes


def _on_one_device(device: str, workers: int) -> int:
    """How many of ``workers`` share the memory of one device."""
    cards = torch.cuda.device_count() if device == "cuda" else 1  # cuda:N names one
    return max(1, -(-workers // max(1, cards)))
