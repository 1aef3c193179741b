"""Training and validation images, on the device as uint8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from evonas.data import Source, source
from evonas.training.known_images import KnownData, KnownImages
from evonas.training.settings import TrainSettings
from fitness import stable_hash
from spaces.errors import EvonasError


@dataclass(frozen=True)
class Images:
    """uint8 (N, 3, H, W) and int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: str) -> Images:
        """The same on a device."""
        return Images(self.images.to(device), self.labels.to(device))


def read(data: Source, split: str) -> Images:
    """All images of ``train`` or ``test``, on the CPU."""
    return Images(data.images(split), data.labels(split))


class TrainingData(NamedTuple):
    """The training images on the CPU, and the identity of the whole data set."""

    images: Images
    known: KnownData


def known(settings: TrainSettings) -> TrainingData:
    """The data of a training.

    Raises `EvonasError` if the images do not have the size of the settings.
    """
    data = source(settings.dataset, settings.data_dir, settings.image_size)
    everything = read(data, "train")
    shape = (3, settings.image_size, settings.image_size)
    if tuple(everything.images.shape[1:]) != shape:
        found = "x".join(str(side) for side in everything.images.shape[2:])
        raise EvonasError(
            f"the images of {settings.dataset} have {found} pixels, but the network expects {settings.image_size}"
        )
    testing = read(data, "test")
    splits = {
        "train": KnownImages.of(everything.images, everything.labels),
        "test": KnownImages.of(testing.images, testing.labels),
    }
    return TrainingData(everything, KnownData.of(data, splits))


def split(settings: TrainSettings, everything: Images | None = None) -> tuple[Images, Images]:
    """Images to learn from and images held out, by hash(seed, data set), every class in proportion.

    ``everything`` are the training images, read if they are not given.
    """
    if everything is None:
        everything = read(source(settings.dataset, settings.data_dir, settings.image_size), "train")
    assert settings.validation is not None
    held_out = _stratified(everything.labels, settings.validation, settings)
    chosen = torch.zeros(len(everything), dtype=torch.bool)
    chosen[held_out] = True
    return (
        Images(everything.images[~chosen], everything.labels[~chosen]).to(settings.device),
        Images(everything.images[chosen], everything.labels[chosen]).to(settings.device),
    )


def _stratified(labels: Tensor, count: int, settings: TrainSettings) -> Tensor:
    """``count`` positions with every class in proportion, at equal distances in a list shuffled within classes."""
    kind = settings.dataset.partition(":")[0]
    generator = torch.Generator().manual_seed(stable_hash(settings.seed, kind, "validation"))
    shuffled = torch.randperm(len(labels), generator=generator)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    return by_class[(torch.arange(count) * len(labels)) // count]
