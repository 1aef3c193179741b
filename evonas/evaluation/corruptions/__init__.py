"""The fifteen corruptions of CIFAR-10-C and ImageNet-C for any images, vectorised and seeded.

Source: Hendrycks, Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations",
ICLR 2019 (arXiv:1903.12261), repository hendrycks/robustness, with its constants for images of 32 pixels up to 64
pixels, and with those for images of 224 pixels above; lengths in pixels scale with the shorter side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evonas.core.arguments import integer, items, text
from evonas.evaluation.corruptions.base import GROUPS, Corruption, corruptions, scale_of
from evonas.evaluation.corruptions.draws import Draws
from evonas.evaluation.severities import SEVERITIES
from spaces.errors import UsageError

__all__ = ["GROUPS", "SEVERITIES", "Corruption", "corrupt", "corruptions"]

MIN_SIDE = 8  # pixels
CHUNK = 1 << 16  # pixels per batch: intermediate results stay in the cache of a CPU
CHUNK_ELSEWHERE = 1 << 22  # large enough to keep a GPU busy

Images = TypeVar("Images", Tensor, NDArray[np.uint8])


@torch.no_grad()
def corrupt(
    images: Images, name: str, severity: int, seed: int = 0, positions: Sequence[int] | Tensor | None = None
) -> Images:
    """Images uint8 (N, 3, H, W) under the corruption ``name`` at ``severity`` 1 to 5, on the device they are on.

    Image i has its own random stream, a function of (seed, name, severity, positions[i]); positions are
    0, 1, 2, ... by default. To corrupt a data set in parts, pass the position of each image in the whole set.

    Raises `UsageError` for anything but uint8 (N, 3, H, W), for an unknown name or severity, for wrong positions.
    """
    corruption = _checked(images, name)
    severity = integer(severity, "severity", SEVERITIES[0], SEVERITIES[-1])
    seed = integer(seed, "seed", -(2**63), 2**63 - 1)
    tensor = torch.from_numpy(np.array(images, order="C")) if isinstance(images, np.ndarray) else images
    numbers = _positions(positions, tensor)
    out = torch.empty_like(tensor, memory_format=torch.contiguous_format)
    chunk = CHUNK if tensor.device.type == "cpu" else CHUNK_ELSEWHERE
    step = max(1, chunk // (tensor.shape[2] * tensor.shape[3]))
    scale = scale_of(*tensor.shape[2:])
    constant = (corruption.photographs if scale.photographs else corruption.constants)[severity - 1]
    for start in range(0, len(tensor), step):
        part = tensor[start : start + step].contiguous()
        draws = Draws(seed, name, severity, numbers[start : start + step])
        out[start : start + step] = corruption.apply(part, constant, draws, scale)
    return out.numpy() if isinstance(images, np.ndarray) else out


def _checked(images: object, name: object) -> Corruption:
    wanted = "corrupt takes images as a torch tensor or NumPy array, uint8 (N, 3, H, W)"
    if not isinstance(images, (Tensor, np.ndarray)):
        raise UsageError(f"{wanted}, not {type(images).__name__}")
    kind = str(images.dtype).removeprefix("torch.")
    if kind != "uint8":
        raise UsageError(f"{wanted}, not {kind}; for values in [0, 1]: (images * 255).round() as uint8")
    if images.ndim != 4 or images.shape[1] != 3:
        raise UsageError(f"{wanted}, not {tuple(images.shape)}")
    if min(images.shape[2:]) < MIN_SIDE:
        raise UsageError(
            f"corruptions need at least {MIN_SIDE} x {MIN_SIDE} pixels, not {tuple(images.shape[2:])}"
        )
    if isinstance(images, Tensor) and (images.layout != torch.strided or images.is_meta):
        raise UsageError(f"{wanted}, not a tensor without values of its own ({images.layout}, {images.device})")
    return corruptions[text(name, "the name of a corruption, such as 'fog',")]


def _positions(given: Sequence[int] | Tensor | None, images: Tensor) -> Tensor:
    if given is None:
        return torch.arange(len(images), device=images.device)
    if isinstance(given, Tensor) and given.dtype == torch.int64 and given.ndim == 1 and not given.is_meta:
        given = given.tolist()
    listed = items(given, "positions")
    if len(listed) != len(images):
        raise UsageError(f"positions must be {len(images)} integers, one per image, not {len(listed)}")
    numbers = [integer(position, "a position", 0, 2**63 - 1) for position in listed]
    return torch.tensor(numbers, dtype=torch.int64, device=images.device)
