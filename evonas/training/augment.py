"""Random crops, flips and cutout, drawn for each image, applied to a whole batch on its device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from evonas.training.recipe import Recipe
from evonas.training.resized_crops import boxes, enlarged


class Draws(NamedTuple):
    """The random choices for N images."""

    shift: Tensor  # (N, 2) rows and columns into the padded image
    flip: Tensor  # (N,)
    centre: Tensor  # (N, 2) centre of the cutout square
    box: Tensor | None = None  # (N, 4) top, left, height and width of a random resized crop

    def at(self, chosen: Tensor | slice) -> Draws:
        """The random choices of the images with the indices ``chosen``, (n,) or a slice."""
        box = None if self.box is None else self.box[chosen]
        return Draws(self.shift[chosen], self.flip[chosen], self.centre[chosen], box)


def draw(count: int, side: int, recipe: Recipe, generator: torch.Generator, device: str) -> Draws:
    """Draws for ``count`` images of ``side`` pixels, made on the generator's device, kept on ``device``."""
    shift = torch.randint(2 * recipe.crop + 1, (count, 2), generator=generator)
    flip = torch.randint(2, (count,), generator=generator).bool() & recipe.flip
    centre = torch.randint(side, (count, 2), generator=generator)
    box = boxes(count, side, recipe.area, generator).to(device) if recipe.area else None
    return Draws(shift.to(device), flip.to(device), centre.to(device), box)


def augment(
    images: Tensor,
    draws: Draws,
    recipe: Recipe,
    mean: Tensor,
    memory_format: torch.memory_format = torch.channels_last,
) -> Tensor:
    """uint8 (N, 3, H, W) to float32 in [0, 1].

    Each image is padded with ``recipe.crop`` black pixels, cropped and mirrored as drawn, or with ``recipe.area``
    its box is enlarged to the image and mirrored; then a square of ``recipe.cutout`` pixels around its centre, as
    far as it lies inside, takes the colour ``mean`` (1, 3, 1, 1) (DeVries, Taylor 2017: zero after normalisation).
    """
    moved = _shifted(images, draws, recipe) if draws.box is None else enlarged(images, draws.box, draws.flip)
    height, width = moved.shape[2:]
    device = images.device
    if recipe.cutout:
        before = recipe.cutout // 2
        after = recipe.cutout - before
        inside = [
            (position >= draws.centre[:, axis, None] - before) & (position < draws.centre[:, axis, None] + after)
            for axis, position in enumerate(
                (torch.arange(height, device=device), torch.arange(width, device=device))
            )
        ]  # (N, H), (N, W)
        moved = torch.where(inside[0][:, None, :, None] & inside[1][:, None, None, :], mean, moved)
    return moved.contiguous(memory_format=memory_format)


def _shifted(images: Tensor, draws: Draws, recipe: Recipe) -> Tensor:
    """The padded images, cropped and mirrored, as float32 (N, 3, H, W) in [0, 1]."""
    n, _, height, width = images.shape
    device = images.device
    columns = torch.arange(width, device=device)
    rows = draws.shift[:, :1] + torch.arange(height, device=device)  # (N, H)
    columns = draws.shift[:, 1:] + torch.where(draws.flip[:, None], width - 1 - columns, columns)  # (N, W)
    padded = F.pad(images, (recipe.crop,) * 4).permute(0, 2, 3, 1)  # (N, H + 2 crop, W + 2 crop, 3)
    image = torch.arange(n, device=device)[:, None, None]
    cropped = padded[image, rows[:, :, None], columns[:, None, :]]  # (N, H, W, 3)
    return cropped.permute(0, 3, 1, 2).to(torch.float32) / 255  # (N, 3, H, W), channels last
