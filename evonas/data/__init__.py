"""Data sets by name, and the batch that scores are computed from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.data.source import RESIZED, SIDE, Source, sources
from spaces.errors import UsageError

if TYPE_CHECKING:
    from fitness import Batch

DEFAULT_BATCH = 8  # images that a score is computed from, as in the CRoZe paper

__all__ = ["DEFAULT_BATCH", "Description", "Source", "batch", "data_directory", "describe", "source", "sources"]


@dataclass(frozen=True)
class Description:
    """The classes and the image size of a data set."""

    classes: tuple[str, ...]
    image_size: int


def data_directory(data_dir: str | None = None) -> Path:
    """``data_dir``, else $EVONAS_DATA, else ``data``."""
    return Path(data_dir or os.environ.get("EVONAS_DATA") or "data")


def source(name: str, data_dir: str | None = None, image_size: int | None = None) -> Source:
    """The data set called ``name`` (``cifar10 cifar100 digits folder:PATH``); reads no images."""
    kind, _, rest = name.partition(":")
    if kind == "folder" and not rest:
        raise UsageError("folder needs a path: --dataset folder:PATH, with one directory per class inside")
    if kind not in RESIZED and image_size not in (None, SIDE):
        raise UsageError(f"--image-size is for digits and folder:PATH only; {name} has {SIDE} pixels")
    return sources[kind](rest, data_directory(data_dir), image_size)


def describe(name: str, data_dir: str | None = None, image_size: int | None = None) -> Description:
    """Classes and image size; reads no images."""
    found = source(name, data_dir, image_size)
    return Description(found.classes, found.image_size)


def batch(
    name: str, size: int | None, seed: int, data_dir: str | None = None, image_size: int | None = None
) -> Batch:
    """The batch that scores are computed from: ``size`` training images drawn by hash(seed, data set).

    None stands for `DEFAULT_BATCH`, or for all of fewer images. Raises `UsageError` for a larger batch.
    """
    import torch

    from fitness import Batch, stable_hash

    found = source(name, data_dir, image_size)
    labels = found.labels("train")
    if size is None:
        size = min(DEFAULT_BATCH, len(labels))
    if size > len(labels):
        raise UsageError(
            f"--batch-size {size} is larger than the training set of {name} ({len(labels)} images); "
            "leave the option out, or give a number up to that"
        )
    kind = name.partition(":")[0]  # the batch of a folder does not depend on its location
    generator = torch.Generator().manual_seed(stable_hash(seed, kind))
    indices = torch.randperm(len(labels), generator=generator)[:size]
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in found.statistics())
    images = (found.images("train", indices).float() / 255 - mean) / std  # (N, 3, H, W)
    return Batch(images, labels[indices], -mean / std, (1 - mean) / std)
