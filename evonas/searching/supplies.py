"""What an algorithm that learns from images is given: the training images, and ways to speak and to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from evonas.data import source
from evonas.store.settings import SearchSettings

if TYPE_CHECKING:  # PyTorch is imported only where images are read
    from evonas.data import Source
    from evonas.training.images import Images


def nothing(*_: object) -> None:
    """Does nothing."""


@dataclass(frozen=True)
class Supplies:
    """The training images of a search.

    ``proceed`` is called between steps and raises if a stop was requested; ``say`` is told the progress.
    """

    settings: SearchSettings
    proceed: Callable[[], object] = nothing
    say: Callable[[str], object] = nothing

    @cached_property
    def source(self) -> Source:
        """The data set."""
        return source(self.settings.dataset, self.settings.data_dir, self.settings.image_size)

    @cached_property
    def images(self) -> Images:
        """All training images, on the CPU."""
        from evonas.training.images import read

        return read(self.source, "train")
