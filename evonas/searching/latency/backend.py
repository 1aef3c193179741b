"""The interface of a backend: what computes a network whose latency is measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import ClassVar

from torch import Tensor, nn

from spaces.errors import UsageError

INSTALL = 'pip install "evonas[export]"'


class Backend(ABC):
    """Prepares networks for inference; raises `fitness.NoScore` for a network that it cannot compute."""

    title: ClassVar[str]  # of the library
    packages: ClassVar[tuple[str, ...]] = ()  # in addition to the core

    def require(self) -> None:
        """Raises `UsageError` naming the missing packages."""
        require(self.packages, f"a latency by {self.title}")

    @abstractmethod
    def version(self) -> str:
        """The version of the library."""

    @abstractmethod
    def device(self, device: str) -> str:
        """Where it computes in a run on ``device``."""

    @abstractmethod
    def prepared(self, network: nn.Module, image: Tensor) -> Callable[[], object]:
        """A call that computes ``network``, in eval mode, for ``image`` (N, 3, H, W) of the same device.

        It uses as many CPU threads as `torch.get_num_threads` says while it is prepared.
        """


def require(packages: Sequence[str], what: str) -> None:
    """Raises `UsageError` naming the missing ones of ``packages``, which ``what`` needs."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise UsageError(f"{what} needs {' and '.join(missing)}: {INSTALL}")
