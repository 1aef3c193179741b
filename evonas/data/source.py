"""The interface of a data set: images uint8 (N, 3, H, W), labels int64 (N,)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 32  # pixels; digits and folders can be resized to another side
CONSTANT = 1e-8  # variance up to which a channel counts as constant; normalising would amplify its noise
RESIZED = ("digits", "folder")


class Source(ABC):
    """One data set: class names, labels, and images that are read on demand."""

    image_size: int = SIDE
    mapped: bool = False  # the images of a whole split are mapped from a file, as they do not fit in memory
    flips: bool = True  # an image and its mirror image are of the same class
    classes: tuple[str, ...]

    @abstractmethod
    def labels(self, split: str) -> Tensor:
        """Labels of ``train`` or ``test``, int64 (N,)."""

    @abstractmethod
    def images(self, split: str, indices: Tensor | None = None) -> Tensor:
        """Images of ``train`` or ``test``, uint8 (N, 3, H, W); only those at ``indices`` if given."""

    def missing(self) -> str:
        """What has to be downloaded first; empty if all files are here."""
        return ""

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of the training pixels in [0, 1], per channel."""
        return pixel_statistics(self.images("train"))


sources: Registry[Callable[[str, Path, int | None], Source]] = Registry(
    "data set",
    {
        **dict.fromkeys(("cifar10", "cifar100"), "evonas.data.cifar"),
        "digits": "evonas.data.digits",
        "folder": "evonas.data.folder",
    },
)


def pixel_statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation in [0, 1] per channel of uint8 images (N, 3, H, W); 1 for a constant one."""
    import torch

    count = images.shape[0] * images.shape[2] * images.shape[3]
    histogram = torch.stack([torch.bincount(images[:, c].flatten(), minlength=256) for c in range(3)]).double()
    levels = torch.arange(256, dtype=torch.float64) / 255
    mean = (histogram * levels).sum(1) / count
    variance = (histogram * levels**2).sum(1) / count - mean**2
    return tuple(mean.tolist()), tuple(variance.where(variance > CONSTANT, 1.0).sqrt().tolist())
