"""The images of a training, on its device as uint8: those to learn from, and those that choose the checkpoint."""

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
    """Images to learn from and images held out, by hash(seed, data set), every class in proportion.

    Raises `EvonasError` for images of another size than the settings say.
    """
    data = source(settings.dataset, settings.data_dir, settings.image_size)
    everything = Images(data.images("train"), data.labels("train"))
    shape = (3, settings.image_size, settings.image_size)
    if tuple(everything.images.shape[1:]) != shape:
        found = "x".join(str(side) for side in everything.images.shape[2:])
        raise EvonasError(
            f"the images of {settings.dataset} have {found} pixels, the network is for {settings.image_size}"
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
    """The test set, for the one time that it is looked at."""
    data = source(settings.dataset, settings.data_dir, settings.image_size)
    return Images(data.images("test"), data.labels("test")).to(settings.device)


def _stratified(labels: Tensor, count: int, settings: TrainSettings) -> Tensor:
    """``count`` positions, each class as often as its share: every so-many-th of a shuffled list by class."""
    kind = settings.dataset.partition(":")[0]
    generator = torch.Generator().manual_seed(stable_hash(settings.seed, kind, "validation"))
    shuffled = torch.randperm(len(labels), generator=generator)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    return by_class[(torch.arange(count) * len(labels)) // count]
