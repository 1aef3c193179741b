"""Random resized crops as torchvision's `RandomResizedCrop` draws them, for square images and a whole batch.

Source: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015 (arXiv:1409.4842).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

ASPECTS = (3 / 4, 4 / 3)  # width / height
ATTEMPTS = 10  # after which the whole image is taken


def boxes(count: int, side: int, area: float, generator: torch.Generator) -> Tensor:
    """Top, left, height and width of a crop of each of ``count`` images of ``side`` pixels, int64 (N, 4).

    A crop has a share of the image from U(``area``, 1), and a logarithm of its width / height from a uniform
    distribution; the first of ten that lies inside the image is taken.
    """
    drawn = torch.rand((2, count, ATTEMPTS), generator=generator, dtype=torch.float64)
    shares = side * side * (area + (1 - area) * drawn[0])
    low, high = map(math.log, ASPECTS)
    aspects = torch.exp(low + (high - low) * drawn[1])
    sizes = torch.stack((torch.sqrt(shares / aspects), torch.sqrt(shares * aspects)), 2).round()  # (N, 10, 2)
    inside = ((sizes >= 1) & (sizes <= side)).all(2)  # (N, 10)
    first = inside.long().argmax(1)
    chosen = torch.where(inside.any(1)[:, None], sizes[torch.arange(count), first], side).long()  # (N, 2)
    places = torch.rand((count, 2), generator=generator, dtype=torch.float64)
    return torch.cat(((places * (side - chosen + 1)).long(), chosen), 1)


def enlarged(images: Tensor, box: Tensor, flip: Tensor) -> Tensor:
    """The boxes (N, 4) of uint8 (N, 3, H, W), resized to the images bilinearly, as float32 in [0, 1].

    Those with ``flip`` (N,) are mirrored.
    """
    height, width = images.shape[2:]
    y = _positions(box[:, 0], box[:, 2], height, images.device)
    x = _positions(box[:, 1], box[:, 3], width, images.device)
    x = torch.where(flip[:, None], x.flip(1), x)
    grid = torch.stack(
        (
            (2 * x / max(1, width - 1) - 1)[:, None, :].expand(-1, height, -1),
            (2 * y / max(1, height - 1) - 1)[:, :, None].expand(-1, -1, width),
        ),
        3,
    )  # (N, H, W, 2), from -1 to 1 between the centres of the outermost pixels
    pixels = images.to(torch.float32) / 255
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=True)


def _positions(start: Tensor, length: Tensor, side: int, device: torch.device) -> Tensor:
    """Where each of ``side`` pixels of a crop lies in the image, not beyond its outermost pixels, (N, side)."""
    centres = (torch.arange(side, device=device) + 0.5) / side
    inside = centres * length[:, None] - 0.5
    return start[:, None] + torch.minimum(inside.clamp(min=0), length[:, None] - 1.0)
