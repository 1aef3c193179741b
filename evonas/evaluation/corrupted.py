"""Accuracy on corrupted images: the published CIFAR-C arrays where they are, else our own corruptions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evonas.core.digests import tensors_digest
from evonas.data import data_directory
from evonas.data.source import SIDE
from evonas.evaluation.assessment import Assessment
from evonas.evaluation.corruptions import GROUPS, SEVERITIES, corrupt, corruptions
from evonas.evaluation.corruptions.base import scale_of
from evonas.evaluation.journal import Json
from evonas.evaluation.outcomes import CorruptionTable
from evonas.evaluation.subject import Subject
from fitness.layout import layout
from spaces.errors import EvonasError

FOLDERS = {"cifar10": "CIFAR-10-C", "cifar100": "CIFAR-100-C"}
LABELS = "labels.npy"
REGENERATED, PHOTOGRAPHS = "regenerated", "regenerated as in ImageNet-C"
VERSION = 1  # of our corruptions; raised when they give other images: what is kept of them is then void
VERSION_OF_PHOTOGRAPHS = 1  # of those with the constants of ImageNet-C


class Corrupted(ABC):
    """The test images under every corruption at every severity."""

    source: str  # in words

    @abstractmethod
    def images(self, name: str, severity: int, chosen: Tensor, clean: Tensor) -> Tensor:
        """uint8 (n, 3, H, W): the corrupted form of the images ``clean``, number ``chosen`` in the test set."""

    @property
    @abstractmethod
    def identity(self) -> list[Any]:
        """Everything except the clean images that its images depend on."""


class Regenerated(Corrupted):
    """Made here of images of ``side`` pixels, on the device they are on; see `evonas.evaluation.corruptions`."""

    source = REGENERATED

    def __init__(self, seed: int, side: int = SIDE) -> None:
        self.seed, self.photographs = seed, scale_of(side, side).photographs
        if self.photographs:
            self.source = PHOTOGRAPHS

    def images(self, name: str, severity: int, chosen: Tensor, clean: Tensor) -> Tensor:
        return corrupt(clean, name, severity, self.seed, chosen.to(clean.device))

    @property
    def identity(self) -> list[Any]:
        return [self.source, VERSION_OF_PHOTOGRAPHS if self.photographs else VERSION, self.seed]


class Published(Corrupted):
    """The arrays of Hendrycks and Dietterich 2019: uint8 (5 n, H, W, 3) a file, in the order of severities.

    Raises `EvonasError` for a file that is missing, is of another shape or does not belong to the ``labels``.
    """

    source = "published"

    def __init__(self, folder: Path, labels: Tensor) -> None:
        self.folder = folder
        stored = self._load(LABELS, (len(SEVERITIES) * len(labels),))
        if not np.array_equal(stored, np.tile(labels.numpy(), len(SEVERITIES))):
            raise EvonasError(
                f"{folder / LABELS} does not repeat the labels of the test set five times; {_ADVICE}"
            )
        shape = (len(SEVERITIES) * len(labels), 32, 32, 3)
        self._arrays = {name: self._load(f"{name}.npy", shape) for name in corruptions}
        self._count = len(labels)

    def _load(self, name: str, shape: tuple[int, ...]) -> Any:
        path = self.folder / name
        try:
            found = np.load(path, mmap_mode="r")  # NumPy reads no pickle unless told to
        except FileNotFoundError:
            raise EvonasError(f"{path} is missing; {_ADVICE}") from None
        except (OSError, ValueError, EOFError) as error:
            raise EvonasError(f"{path} cannot be read ({error}); {_ADVICE}") from None
        if found.shape != shape or found.dtype.kind not in "iu" or (len(shape) > 1 and found.dtype != np.uint8):
            raise EvonasError(f"{path} holds {found.dtype} {found.shape}, not uint8 {shape}; {_ADVICE}")
        return found

    def images(self, name: str, severity: int, chosen: Tensor, clean: Tensor) -> Tensor:
        rows = self._arrays[name][(severity - 1) * self._count + chosen.numpy()]  # (n, H, W, 3)
        return torch.from_numpy(np.ascontiguousarray(rows)).permute(0, 3, 1, 2).to(clean.device)

    @property
    def identity(self) -> list[Any]:
        files = [(self.folder / f"{name}.npy").stat() for name in sorted(self._arrays)]
        return [self.source, str(self.folder.resolve()), [[file.st_size, file.st_mtime_ns] for file in files]]


_ADVICE = "complete the folder, or move it away to have the corruptions regenerated"


def corrupted(dataset: str, data_dir: str | None, labels: Tensor, seed: int, side: int = SIDE) -> Corrupted:
    """The published arrays of a data set if they exist, else ours.

    ``labels`` (N,) are those of the test set, whose images have ``side`` pixels.
    """
    folder = data_directory(data_dir) / FOLDERS.get(dataset, "")
    if dataset in FOLDERS and folder.is_dir():
        return Published(folder, labels)
    return Regenerated(seed, side)


@dataclass(frozen=True, eq=False)
class Corruptions(Assessment):
    """Accuracy under every corruption at every severity, on the images of ``source``.

    ``chosen``, int64 (N,), says where each image of the subject stands in the test set.
    """

    name = "corruptions"

    source_of_images: Corrupted
    chosen: Tensor

    def identity(self) -> Mapping[str, Json]:
        return {"images": self.source_of_images.identity}

    def run(self, subject: Subject) -> CorruptionTable:
        return corruption_table(subject, self.source_of_images, self.chosen)


def corruption_table(subject: Subject, source: Corrupted, chosen: Tensor) -> CorruptionTable:
    """Accuracies by corruption and severity, with means by group and over all; shares from 0 to 1.

    ``chosen``, int64 (N,), says where each image of the subject stands in the test set.
    """
    positions = tensors_digest({"chosen": chosen})
    names = sorted(corruptions, key=lambda name: GROUPS.index(corruptions[name].group))
    cells = [(name, severity) for name in names for severity in SEVERITIES]
    table: dict[str, tuple[float, ...]] = dict.fromkeys(names, ())
    predicted: dict[tuple[str, int], Tensor] = {}
    for number, (name, severity) in enumerate(cells):
        key, part = ["corruption", source.identity, name, severity, positions], (number, len(cells))
        pixels = partial(_pixels, subject, source, name, severity, chosen)
        work = partial(_right, subject, pixels)
        what, cell = "corruptions", f"{name} {severity}"
        if subject.keeps_predictions:
            classes = subject.predictions(key, partial(_predict, subject, pixels), what, None, part, cell)
            predicted[name, severity], work = classes, partial(_as_predicted, subject, classes)
        right = subject.mask(subject.each(key, work, what, part=part, name=cell))
        if subject.keeps_predictions:
            subject.require_same(right, classes == subject.labels, cell)
        table[name] += (subject.rate(right).accuracy,)
        if severity == SEVERITIES[-1]:
            shares = " ".join(f"{100 * share:.2f}" for share in table[name])
            subject.say(f"{name} at severity 1 to 5: {shares} % of {len(subject.images)} images")
    groups = {
        group: _mean([table[name] for name in names if corruptions[name].group == group]) for group in GROUPS
    }
    mean = _mean(list(table.values()))
    count = len(subject.images)
    return CorruptionTable(
        source=source.source, n=count, mean=mean, groups=groups, table=table, predicted=predicted
    )


def _pixels(
    subject: Subject, source: Corrupted, name: str, severity: int, chosen: Tensor, indices: Tensor
) -> Tensor:
    """The corrupted images ``indices``, int64 (n,), as float32 (n, 3, H, W) in [0, 1] on the device."""
    clean = subject.images[indices].to(subject.device)
    pixels = source.images(name, severity, chosen[indices], clean).float() / 255
    return pixels.contiguous(memory_format=layout(subject.device))


def _right(subject: Subject, pixels: Callable[[Tensor], Tensor], indices: Tensor) -> list[int]:
    """The indices, among ``indices`` int64 (n,), of the images that are classified correctly when corrupted."""
    right = subject.correct(pixels(indices), subject.labels[indices].to(subject.device))
    return [int(index) for index in indices[right]]


def _predict(subject: Subject, pixels: Callable[[Tensor], Tensor], indices: Tensor) -> Tensor:
    return subject.predict(pixels(indices))


def _as_predicted(subject: Subject, classes: Tensor, indices: Tensor) -> list[int]:
    """`_right` from predicted classes, int64 (N,)."""
    return [int(index) for index in indices[classes[indices] == subject.labels[indices]]]


def _mean(rows: list[tuple[float, ...]]) -> float:
    return float(np.mean(rows))
