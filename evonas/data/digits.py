"""Handwritten digits, bundled with scikit-learn."""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.data.source import SIDE, Source, sources
from spaces.errors import EvonasError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def _table() -> np.ndarray:
    """64 pixels from 0 to 16 and the label of every digit, (N, 65).

    Read from the file that scikit-learn installs, because importing scikit-learn takes over a second.
    """
    import numpy as np

    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise EvonasError("--dataset digits needs scikit-learn, which is not installed: pip install scikit-learn")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    try:
        return np.loadtxt(path, delimiter=",", dtype=np.uint8)
    except OSError as error:
        raise EvonasError(f"cannot read the digits of scikit-learn: {error}; use --dataset cifar10") from None


@sources.register("digits")
class Digits(Source):
    """scikit-learn's 1,797 handwritten digits, 8x8 enlarged to 32x32 RGB; every fifth image is a test image.

    ``image_size`` sets another size.
    """

    classes = tuple("0123456789")
    flips = False

    def __init__(self, rest: str, directory: Path, image_size: int | None) -> None:
        if rest:
            raise UsageError("digits takes no path; it is bundled with scikit-learn")
        self.image_size = image_size or SIDE

    @cached_property
    def _all(self) -> tuple[Tensor, Tensor]:
        import torch

        rows = torch.from_numpy(_table())  # (N, 65)
        small = rows[:, :-1].float().view(-1, 1, 8, 8) * (255 / 16)
        large = torch.nn.functional.interpolate(
            small, size=(self.image_size,) * 2, mode="bilinear", align_corners=False
        )
        return large.round().to(torch.uint8).expand(-1, 3, -1, -1), rows[:, -1].long()

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
