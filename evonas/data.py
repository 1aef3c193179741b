"""Data sets by name: images uint8 (N, 3, H, W), labels int64 (N,)."""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from spaces.errors import EvonasError, UsageError
from spaces.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from fitness import Batch

SIDE = 32  # pixels, unless a folder asks for another
DOWNLOAD_TIMEOUT = 30.0  # seconds without a byte
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff")
STATISTICS_SAMPLE = 5000  # images of a folder that its mean and std are taken from, evenly spaced


@dataclass(frozen=True)
class Description:
    """What a network must know of a data set."""

    classes: tuple[str, ...]
    image_size: int


class Source(ABC):
    """One data set: names of classes, labels, and images read as far as they are needed."""

    image_size: int = SIDE
    classes: tuple[str, ...]

    @abstractmethod
    def labels(self, split: str) -> Tensor:
        """Labels of ``train`` or ``test``, int64 (N,)."""

    @abstractmethod
    def images(self, split: str, indices: Tensor | None = None) -> Tensor:
        """Images of ``train`` or ``test``, uint8 (N, 3, H, W); only those at ``indices`` if given."""

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of the training pixels in [0, 1], per channel."""
        return _statistics(self.images("train"))


sources: Registry[Callable[[str, Path, int | None], Source]] = Registry("data set")


def data_directory(data_dir: str | None = None) -> Path:
    """``data_dir``, else $EVONAS_DATA, else ``data``."""
    return Path(data_dir or os.environ.get("EVONAS_DATA") or "data")


def source(name: str, data_dir: str | None = None, image_size: int | None = None) -> Source:
    """The data set called ``name`` (``cifar10 cifar100 digits folder:PATH``); images are not read yet."""
    kind, _, rest = name.partition(":")
    if kind == "folder" and not rest:
        raise UsageError("folder needs a path: --dataset folder:PATH, with one directory per class inside")
    if kind != "folder" and image_size not in (None, SIDE):
        raise UsageError(f"--image-size is for folder:PATH only; {name} has {SIDE} pixels")
    return sources[kind](rest, data_directory(data_dir), image_size)


def describe(name: str, data_dir: str | None = None, image_size: int | None = None) -> Description:
    """Classes and image size; reads no image."""
    found = source(name, data_dir, image_size)
    return Description(found.classes, found.image_size)


def batch(name: str, size: int, seed: int, data_dir: str | None = None, image_size: int | None = None) -> Batch:
    """The one batch that scores are computed from: ``size`` training images drawn by hash(seed, data set)."""
    import torch

    from fitness import Batch, stable_hash

    found = source(name, data_dir, image_size)
    labels = found.labels("train")
    if size > len(labels):
        raise UsageError(f"--batch-size {size} is larger than the training set of {name} ({len(labels)} images)")
    kind = name.partition(":")[0]  # a folder's batch does not depend on where the folder lies
    generator = torch.Generator().manual_seed(stable_hash(seed, kind))
    indices = torch.randperm(len(labels), generator=generator)[:size]
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in found.statistics())
    images = (found.images("train", indices).float() / 255 - mean) / std  # (N, 3, H, W)
    return Batch(images, labels[indices], -mean / std, (1 - mean) / std)


def _statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    import torch

    count = images.shape[0] * images.shape[2] * images.shape[3]
    histogram = torch.stack([torch.bincount(images[:, c].flatten(), minlength=256) for c in range(3)]).double()
    levels = torch.arange(256, dtype=torch.float64) / 255
    mean = (histogram * levels).sum(1) / count
    variance = (histogram * levels**2).sum(1) / count - mean**2
    return tuple(mean.tolist()), tuple(variance.clamp(min=1e-12).sqrt().tolist())


@contextmanager
def _download_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


class Cifar(Source):
    """Krizhevsky 2009, through torchvision: md5-checked, downloaded only when absent."""

    name: ClassVar[str]
    folder: ClassVar[str]
    archive: ClassVar[str]
    published_statistics: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]]

    def __init__(self, rest: str, directory: Path, image_size: int | None) -> None:
        if rest:
            raise UsageError(f"{self.name} takes no path; its directory is --data-dir or $EVONAS_DATA")
        self.directory = directory
        self._cache: dict[str, Any] = {}

    def _read(self, split: str) -> Any:
        if split not in self._cache:
            from torchvision import datasets

            kind = getattr(datasets, self.name.upper())
            try:
                if not (self.directory / self.folder).is_dir():
                    with _download_timeout():
                        kind(str(self.directory), download=True)
                self._cache[split] = kind(str(self.directory), train=split == "train", download=False)
            except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
                raise EvonasError(self._problem(error)) from error
        return self._cache[split]

    def _problem(self, error: Exception) -> str:
        place = self.directory / self.folder
        if place.is_dir():
            return (
                f"{place} is incomplete or damaged (md5 differs). Remove that directory to download it again, "
                "or use --dataset digits, which needs no file"
            )
        return (
            f"{self.name} is not in {self.directory.resolve()} and could not be downloaded ({error}). Put the "
            f"directory {self.folder} (from {self.archive}) there, name another place with --data-dir or "
            "$EVONAS_DATA, or use --dataset digits, which needs no file"
        )

    def labels(self, split: str) -> Tensor:
        import torch

        return torch.tensor(self._read(split).targets)

    def images(self, split: str, indices: Tensor | None = None) -> Tensor:
        import torch

        images = torch.from_numpy(self._read(split).data)  # (N, H, W, 3)
        chosen = images if indices is None else images[indices]
        return chosen.permute(0, 3, 1, 2).contiguous()  # (N, 3, H, W)

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.published_statistics


@sources.register("cifar10")
class Cifar10(Cifar):
    """60,000 images of 10 classes."""

    name = "cifar10"
    folder = "cifar-10-batches-py"
    archive = "cifar-10-python.tar.gz"
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    published_statistics = ((0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768))


@sources.register("cifar100")
class Cifar100(Cifar):
    """60,000 images of 100 classes."""

    name = "cifar100"
    folder = "cifar-100-python"
    archive = "cifar-100-python.tar.gz"
    classes = tuple(f"class {i}" for i in range(100))
    published_statistics = ((0.50707516, 0.48654887, 0.44091784), (0.26733429, 0.25643846, 0.27615047))


@sources.register("digits")
class Digits(Source):
    """scikit-learn's 1,797 handwritten digits, 8x8 enlarged to 32x32 RGB; every fifth image is for testing."""

    classes = tuple("0123456789")

    def __init__(self, rest: str, directory: Path, image_size: int | None) -> None:
        if rest:
            raise UsageError("digits takes no path; it is bundled with scikit-learn")

    @cached_property
    def _all(self) -> tuple[Tensor, Tensor]:
        import torch
        from sklearn.datasets import load_digits

        digits = load_digits()
        small = torch.from_numpy(digits.images).float()[:, None] * (255 / 16)  # (N, 1, 8, 8)
        large = torch.nn.functional.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        return large.round().to(torch.uint8).expand(-1, 3, -1, -1), torch.from_numpy(digits.target).long()

    def _indices(self, split: str) -> Tensor:
        import torch

        positions = torch.arange(len(self._all[1]))
        held_out = positions % 5 == 4
        return positions[held_out if split == "test" else ~held_out]

    def labels(self, split: str) -> Tensor:
        return self._all[1][self._indices(split)]

    def images(self, split: str, indices: Tensor | None = None) -> Tensor:
        positions = self._indices(split)
        return self._all[0][positions if indices is None else positions[indices]].contiguous()


@sources.register("folder")
class Folder(Source):
    """One directory of images per class, inside ``train`` and ``test`` or, without these, directly.

    Without ``train`` and ``test`` every fifth image of a class is for testing. Images are resized (shorter side)
    and cropped (centre) to ``image_size``.
    """

    def __init__(self, rest: str, directory: Path, image_size: int | None) -> None:
        self.root = Path(rest).expanduser()
        self.image_size = image_size or SIDE
        if not self.root.is_dir():
            raise EvonasError(f"{self.root} is not a directory; folder:PATH needs one directory per class inside")
        self._divided = (self.root / "train").is_dir() and (self.root / "test").is_dir()
        top = self.root / "train" if self._divided else self.root
        self.classes = tuple(sorted(entry.name for entry in top.iterdir() if entry.is_dir()))
        if len(self.classes) < 2:
            raise EvonasError(f"{top} holds {len(self.classes)} class directories; at least 2 are needed")

    @cached_property
    def _files(self) -> dict[str, list[tuple[Path, int]]]:
        files: dict[str, list[tuple[Path, int]]] = {"train": [], "test": []}
        for label, name in enumerate(self.classes):
            if self._divided:
                for split in files:
                    files[split] += [(path, label) for path in self._images_in(self.root / split / name)]
            else:
                for i, path in enumerate(self._images_in(self.root / name)):
                    files["test" if i % 5 == 4 else "train"].append((path, label))
        if not files["train"]:
            raise EvonasError(f"no image found under {self.root} (looked for {', '.join(IMAGE_ENDINGS)})")
        return files

    @staticmethod
    def _images_in(directory: Path) -> list[Path]:
        if not directory.is_dir():
            return []
        return sorted(path for path in directory.iterdir() if path.suffix.lower() in IMAGE_ENDINGS)

    def labels(self, split: str) -> Tensor:
        import torch

        return torch.tensor([label for _, label in self._files[split]])

    def images(self, split: str, indices: Tensor | None = None) -> Tensor:
        import torch

        files = self._files[split]
        chosen = range(len(files)) if indices is None else indices.tolist()
        images = torch.empty((len(chosen), 3, self.image_size, self.image_size), dtype=torch.uint8)
        for row, i in enumerate(chosen):
            images[row] = self._decode(files[i][0])
        return images

    def _decode(self, path: Path) -> Tensor:
        from PIL import Image, UnidentifiedImageError
        from torchvision.transforms import functional as F

        try:
            with Image.open(path) as image:
                resized = F.resize(F.pil_to_tensor(image.convert("RGB")), [self.image_size], antialias=True)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as error:
            raise EvonasError(f"{path} cannot be read as an image: {error}") from error
        return F.center_crop(resized, [self.image_size, self.image_size])  # (3, H, W)

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        import torch

        count = len(self._files["train"])
        indices = torch.linspace(0, count - 1, min(count, STATISTICS_SAMPLE)).long()
        return _statistics(self.images("train", indices))
