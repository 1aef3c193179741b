"""Handwritten digits that need no file."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.data.source import SIDE, Source, sources
from spaces.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


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
