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
    rows: Tensor | None = None  # int64 (N,): the images are these rows of a file that is mapped, and stay there

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def device(self) -> torch.device:
        """Where `pixels` are."""
        return self.labels.device

    @property
    def side(self) -> int:
        """Pixels along one side."""
        return self.images.shape[-1]

    def pixels(self, chosen: Tensor | slice) -> Tensor:
        """Some images, uint8 (n, 3, H, W); indices are where `placed` puts them."""
        if self.rows is None:
            return self.images[chosen]
        rows = self.rows[chosen]
        if self.device.type == "cpu":
            return self.images[rows]
        pixels = torch.empty((len(rows), *self.images.shape[1:]), dtype=self.images.dtype, pin_memory=True)
        torch.index_select(self.images, 0, rows, out=pixels)
        return pixels.to(self.device, non_blocking=True)  # from other memory, after all work of the device

    def placed(self, order: Tensor) -> tuple[Tensor, Tensor]:
        """The indices ``order``, (n,) on the CPU, where `labels` and where `pixels` takes them.

        For a whole epoch at once: an upload waits for the device.
        """
        on_device = order.to(self.device)
        return on_device, on_device if self.rows is None else order

    def among(self, chosen: Tensor | slice) -> Images:
        """Those with the indices ``chosen``, (n,)."""
        if self.rows is None:
            return Images(self.images[chosen], self.labels[chosen])
        return Images(self.images, self.labels[chosen], self.rows[chosen])

    def to(self, device: str) -> Images:
        """The same on a device; only labels if the images are mapped."""
        if self.rows is not None:
            return Images(self.images, self.labels.to(device), self.rows)
        return Images(self.images.to(device), self.labels.to(device))


def read(data: Source, split: str) -> Images:
    """All images of ``train`` or ``test``, on the CPU."""
    images, labels = data.images(split), data.labels(split)
    return Images(images, labels, torch.arange(len(labels)) if data.mapped else None)


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

    ``everything`` are the training images, read if they are not given; with ``train_images`` only that many of
    them are used, by hash(0, data set).
    """
    if everything is None:
        everything = read(source(settings.dataset, settings.data_dir, settings.image_size), "train")
    assert settings.validation is not None
    kind = settings.dataset.partition(":")[0]
    if settings.train_images is not None:
        used = stratified(everything.labels, settings.train_images, stable_hash(0, kind, "training images"))
        everything = everything.among(used.sort().values)
    seed = stable_hash(settings.seed, kind, "validation")
    held_out = stratified(everything.labels, settings.validation, seed)
    chosen = torch.zeros(len(everything), dtype=torch.bool)
    chosen[held_out] = True
    return (
        everything.among(~chosen).to(settings.device),
        everything.among(chosen).to(settings.device),
    )


def stratified(labels: Tensor, count: int, seed: int) -> Tensor:
    """Positions of ``count`` of the ``labels``, (count,) of (N,), with every class in proportion.

    They are at equal distances in a list that is shuffled within classes.
    """
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    return by_class[(torch.arange(count) * len(labels)) // count]
