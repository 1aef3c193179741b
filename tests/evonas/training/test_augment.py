"""Augmentation of a batch equals what is done to one image after the other."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from evonas.training.augment import Draws, augment, draw
from evonas.training.recipes import recipes

MEAN = torch.tensor([0.3, 0.4, 0.5]).view(1, 3, 1, 1)


def one(image: Tensor, draws: Draws, crop: int, cutout: int) -> Tensor:
    """The same for one image, with nothing but slices."""
    side = image.shape[-1]
    padded = torch.zeros(3, side + 2 * crop, side + 2 * crop)
    padded[:, crop : crop + side, crop : crop + side] = image.float() / 255
    top, left = draws.shift.tolist()
    moved = padded[:, top : top + side, left : left + side].clone()
    if draws.flip:
        moved = moved.flip(-1)
    row, column = draws.centre.tolist()
    half = cutout // 2
    moved[:, max(0, row - half) : row - half + cutout, max(0, column - half) : column - half + cutout] = MEAN[0]
    return moved


@pytest.mark.parametrize("crop", [0, 4])
@pytest.mark.parametrize("cutout", [0, 1, 5, 8])
def test_a_batch_is_augmented_as_its_images_are(crop: int, cutout: int) -> None:
    recipe = dataclasses.replace(recipes["fast"], crop=crop, cutout=cutout)
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (40, 3, 16, 16), generator=generator, dtype=torch.uint8)
    draws = draw(40, 16, recipe, generator, "cpu")
    found = augment(images, draws, recipe, MEAN)
    expected = torch.stack(
        [one(image, draws.at(slice(i, i + 1)).at(0), crop, cutout) for i, image in enumerate(images)]
    )
    assert torch.equal(found, expected)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_every_shift_and_both_sides_occur() -> None:
    recipe = recipes["fast"]
    draws = draw(2000, 32, recipe, torch.Generator().manual_seed(0), "cpu")
    assert set(draws.shift.flatten().tolist()) == set(range(9))
    assert 0.4 < draws.flip.float().mean() < 0.6
    assert not draw(100, 32, dataclasses.replace(recipe, flip=False), torch.Generator(), "cpu").flip.any()
