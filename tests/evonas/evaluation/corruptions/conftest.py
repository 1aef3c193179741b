"""Images to corrupt: real ones with their reference where there is one, smooth synthetic ones everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from evonas.data import source


def smooth(n: int, height: int = 32, width: int = 32, seed: int = 0) -> Tensor:
    """Images with structure at several scales, uint8 (n, 3, height, width)."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(n, 3, height, width)
    for cells in (2, 5, 13):
        coarse = torch.randn(n, 3, cells, cells, generator=generator)
        total += torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return (total * 40 + 128).clamp(0, 255).byte()


@pytest.fixture(scope="session")
def real() -> Tensor:
    """The first 32 test images of CIFAR-10."""
    try:
        return source("cifar10").images("test")[:32]
    except Exception as error:
        pytest.skip(f"no CIFAR-10 to corrupt: {error}")


@pytest.fixture(scope="session")
def reference(shared: Path) -> dict[str, Tensor]:
    """The published definition's outputs for those images, uint8 (5, 32, 3, 32, 32) by name."""
    path = shared / "reference" / "cifar10c_reference.npz"
    if not path.is_file():
        pytest.skip(f"no reference images at {path}")
    with np.load(path) as arrays:
        return {name: torch.from_numpy(arrays[name]).permute(0, 1, 4, 2, 3) for name in arrays}


@pytest.fixture(scope="session")
def reference_rmse(shared: Path) -> dict[str, list[float]]:
    """Mean over those images of each one's root mean square error in grey levels, by name and severity."""
    path = shared / "reference" / "cifar10c_reference.json"
    if not path.is_file():
        pytest.skip(f"no reference values at {path}")
    return dict(json.loads(path.read_text())["rmse"])
