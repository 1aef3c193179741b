"""What scores are computed from, made of settings."""

from __future__ import annotations

import torch

from evonas.config import SearchSettings
from fitness import Batch, Task
from spaces import NetworkSize, spaces


def task_of(settings: SearchSettings, images: Batch | None) -> Task:
    """What the scores of a run are computed from."""
    assert settings.channels and settings.layers and settings.classes and settings.image_size  # resolved
    size = NetworkSize(settings.channels, settings.layers, settings.classes, settings.image_size)
    dtype = torch.float64 if settings.precision == "float64" else torch.float32
    return Task(spaces[settings.space], size, settings.seed, images, settings.device, dtype)
