"""A small network that is trained in seconds, for what needs one that has learned something."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evonas.data import source
from evonas.training.model import Classifier


def convolutions(classes: int = 10) -> nn.Module:
    """Two strided convolutions with BatchNorm, and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(256, classes),
    )


def digits(split: str) -> tuple[Tensor, Tensor]:
    """Images uint8 and labels."""
    data = source("digits")
    return data.images(split), data.labels(split)


@cache
def _weights(epochs: int) -> dict[str, Tensor]:
    images, labels = digits("train")
    pixels = images.float() / 255
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Classifier(convolutions(), (0.3, 0.3, 0.3), (0.35, 0.35, 0.35)).train()
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(epochs):
            for chosen in torch.randperm(len(labels)).split(64):
                noisy = (pixels[chosen] + 0.1 * torch.randn_like(pixels[chosen])).clamp(0, 1)
                optimiser.zero_grad()
                F.cross_entropy(model(noisy), labels[chosen]).backward()
                optimiser.step()
    return model.state_dict()


def image_by_image(model: Classifier) -> Callable[[Tensor], Tensor]:
    """The same function, computed for each image alone: a matrix product rounds differently in another batch."""
    return lambda images: torch.cat([model(image) for image in images.split(1)])


def trained(epochs: int = 4) -> Classifier:
    """A classifier of digits, right on more than nine of ten; a new object each time."""
    model = Classifier(convolutions(), (0.3, 0.3, 0.3), (0.35, 0.35, 0.35))
    model.load_state_dict(_weights(epochs))
    return model.eval()
