"""The interface of a format: from a network to a file and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from spaces.errors import EvonasError

if TYPE_CHECKING:
    from torch import Tensor

    from evonas.exporting.subject import Subject

INSTALL = 'pip install "evonas[export]"'


class Format(ABC):
    """One file format. Files are created in memory and checked before they are written."""

    name: ClassVar[str]
    file: ClassVar[str]  # its name in the directory of an export
    packages: ClassVar[tuple[str, ...]] = ()  # to write and check it, in addition to the core

    @property
    def missing(self) -> list[str]:
        """Its packages that are not installed."""
        return [package for package in self.packages if find_spec(package) is None]

    @property
    def advice(self) -> str:
        """How to install the missing packages."""
        return f"{self.name} needs {' and '.join(self.missing)}: {INSTALL}"

    def require(self) -> None:
        """Raises `EvonasError` naming the missing packages."""
        if self.missing:
            raise EvonasError(self.advice)

    @abstractmethod
    def encode(self, subject: Subject) -> bytes:
        """The content of the file."""

    @abstractmethod
    def decode(self, content: bytes, subject: Subject) -> Callable[[Tensor], Tensor]:
        """The network that ``content`` holds: float32 (N, 3, H, W) in [0, 1] to logits (N, classes)."""

    @abstractmethod
    def how_to_load(self, subject: Subject) -> str:
        """Markdown that explains how to load the file."""
