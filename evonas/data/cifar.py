"""CIFAR-10 and CIFAR-100, through torchvision."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from evonas.core.files import exists
from evonas.data.source import Source, sources
from spaces.errors import EvonasError, UsageError, shorten

if TYPE_CHECKING:
    from torch import Tensor

DOWNLOAD_TIMEOUT = 30.0  # seconds without a byte


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
            raise UsageError(f"{self.name} takes no path; set its directory with --data-dir or $EVONAS_DATA")
        self.directory = directory
        self._cache: dict[str, Any] = {}

    def missing(self) -> str:
        return "" if (self.directory / self.folder).is_dir() else f"{self.folder} is not in {self.directory}"

    def _read(self, split: str) -> Any:
        if split not in self._cache:
            from torchvision import datasets

            kind = getattr(datasets, self.name.upper())
            try:
                if not exists(self.directory / self.folder):
                    with _download_timeout():
                        kind(str(self.directory), download=True)
                self._cache[split] = kind(str(self.directory), train=split == "train", download=False)
            except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
                raise EvonasError(self._problem(error)) from error
        return self._cache[split]

    def _problem(self, error: Exception) -> str:
        place, reason = self.directory / self.folder, shorten(str(error), 300)
        where = shorten(str(self.directory.absolute()), 300)
        if exists(place):
            return (
                f"{place} is incomplete or damaged (md5 mismatch). Remove that directory to download it again, "
                "or use --dataset digits, which needs no files"
            )
        return (
            f"{self.name} is not in {where} and could not be downloaded ({reason}). Put the "
            f"directory {self.folder} (from {self.archive}) there, name another directory with --data-dir or "
            "$EVONAS_DATA, or use --dataset digits, which needs no files"
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
