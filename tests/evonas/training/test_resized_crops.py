"""Random resized crops are those of torchvision."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms import functional as F

from evonas.training.augment import augment, draw
from evonas.training.recipe import Recipe
from evonas.training.recipes import recipes
from evonas.training.resized_crops import boxes, enlarged

MEAN = torch.tensor([0.3, 0.4, 0.5]).view(1, 3, 1, 1)


def test_a_box_is_enlarged_as_torchvision_does_it() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (30, 3, 24, 24), generator=generator, dtype=torch.uint8)
    box, flip = boxes(30, 24, 0.08, generator), torch.arange(30) % 2 == 0
    found = enlarged(images, box, flip)
    for image, place, mirrored, one in zip(images, box.tolist(), flip, found, strict=True):
        expected = F.resized_crop(image.float() / 255, *place, [24, 24], antialias=True)
        torch.testing.assert_close(one, expected.flip(-1) if mirrored else expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("area", [0.08, 0.9])
def test_boxes_are_distributed_as_those_of_torchvision(area: float) -> None:
    count, side = 2000, 64
    found = boxes(count, side, area, torch.Generator().manual_seed(0))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        image = torch.empty(3, side, side)
        drawn = [RandomResizedCrop.get_params(image, (area, 1.0), (3 / 4, 4 / 3)) for _ in range(count)]
    assert (found >= 0).all() and (found[:, :2] + found[:, 2:] <= side).all()
    for column, expected in zip(found.double().T, torch.tensor(drawn).double().T, strict=True):
        error = math.sqrt(2 * expected.var().item() / count)
        assert abs(column.mean() - expected.mean()) < 4 * error
        assert abs(column.std() / expected.std() - 1) < 0.1


def test_augmentation_takes_boxes_and_leaves_the_other_draws_as_they_were() -> None:
    recipe, images = recipes["fast"].for_images(1000), torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8)
    before, after = (
        draw(6, 16, one, torch.Generator().manual_seed(3), "cpu")
        for one in (recipe, dataclasses.replace(recipe, area=0.5, cutout=0))
    )
    assert before.box is None and after.box is not None
    for name in ("shift", "flip", "centre"):
        assert torch.equal(getattr(before, name), getattr(after, name))
    found = augment(images, after, dataclasses.replace(recipe, cutout=0), MEAN)
    assert torch.equal(found, enlarged(images, after.box, after.flip))
    some = torch.tensor([4, 1])
    assert torch.equal(
        augment(images[some], after.at(some), dataclasses.replace(recipe, cutout=0), MEAN), found[some]
    )


def test_crops_are_on_above_64_pixels_and_stored_only_where_they_are() -> None:
    recipe = recipes["fast"]
    assert [recipe.for_images(1000, side).area for side in (32, 64, 65, 224)] == [0, 0, 0.08, 0.08]
    assert recipe.with_numbers({"area": "0.25"}).for_images(1000, 32).area == 0.25
    small, large = recipe.for_images(1000, 64), recipe.for_images(1000, 65)
    assert not {"area", "weighted"} & small.as_dict().keys() and large.as_dict()["area"] == 0.08
    assert [Recipe.from_dict(one.as_dict()) for one in (small, large)] == [small, large]
