"""Training and validation images, on the device as uint8."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from evonas.data import source
from evonas.final.settings import TrainSettings
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


def split(settings: TrainSettings) -> tuple[Images, Images]:
    """Training and validation images, split by hash(seed, data set) with every class in proportion.

    Raises `EvonasError` if the images do not have the size of the settings.
    """
    data = source(settings.dataset, settings.data_dir, settings.image_size)
    everything = Images(data.images("train"), data.labels("train"))
    shape = (3, settings.image_size, settings.image_size)
    if tuple(everything.images.shape[1:]) != shape:
        found = "x".join(str(side) for side in everything.images.shape[2:])
        raise EvonasError(
            f"the images of {settings.dataset} have {found} pixels, but the network expects {settings.image_size}"
        )
    assert settings.validation is not None
    held_out = _stratified(everything.labels, settings.validation, settings)
    chosen = torch.zeros(len(everything), dtype=torch.bool)
    chosen[held_out] = True
    return (
        Images(everything.images[~chosen], everything.labels[~chosen]).to(settings.device),
        Images(everything.images[chosen], everything.labels[chosen]).to(settings.device),
    )


def testing_images(settings: TrainSettings) -> Images:
    """The test set, which is used once."""
    data = source(settings.dataset, settings.data_dir, settings.image_size)
    return Images(data.images("test"), data.labels("test")).to(settings.device)


def _stratified(labels: Tensor, count: int, settings: TrainSettings) -> Tensor:
    """``count`` positions with every class in proportion, at equal distances in a list shuffled within classes."""
    kind = settings.dataset.partition(":")[0]
    generator = torch.Generator().manual_seed(stable_hash(settings.seed, kind, "validation"))
    shuffled = torch.randperm(len(labels), generator=generator)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    return by_class[(torch.arange(count) * len(labels)) // count]
