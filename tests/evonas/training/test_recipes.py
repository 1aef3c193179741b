"""Learning rates, and numbers on top of a recipe."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from evonas.training.ema import MovingAverage
from evonas.training.overrides import overrides
from evonas.training.recipes import recipes
from evonas.training.schedule import drop_path_probability, learning_rate
from spaces import UsageError


def test_cosine_is_that_of_pytorch() -> None:
    recipe = recipes["darts600"].with_numbers({"epochs": 7})
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=recipe.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 7)
    for epoch in range(7):
        assert learning_rate(recipe, epoch, 0.5) == pytest.approx(schedule.get_last_lr()[0], rel=1e-12)
        optimiser.step()
        schedule.step()


def test_steps_fall_to_a_tenth_at_99_and_149() -> None:
    rates = [learning_rate(recipes["croze200"], epoch, 0) for epoch in (0, 98, 99, 148, 149, 199)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_a_shorter_training_has_its_milestones_in_proportion() -> None:
    assert recipes["croze200"].with_numbers({"epochs": 20}).milestones == (10, 15)
    once = recipes["croze200"].with_numbers({"epochs": 1})
    assert once.milestones == (1, 1) and learning_rate(once, 0, 0.5) == once.lr
    assert recipes["croze200"].with_numbers({"epochs": 20, "milestones": "3,4"}).milestones == (3, 4)


def test_one_cycle_rises_to_its_rate_and_ends_at_none() -> None:
    recipe = recipes["fast"]
    rates = [learning_rate(recipe, step // 10, step % 10 / 10) for step in range(600)]
    assert max(rates) == pytest.approx(recipe.lr, rel=0.01)
    assert rates.index(max(rates)) == 150
    assert rates[-1] < 1e-5 and rates[0] < 0.1 * recipe.lr


def test_drop_path_rises_linearly() -> None:
    assert [drop_path_probability(recipes["darts600"], epoch) for epoch in (0, 300, 600)] == [0, 0.1, 0.2]


@pytest.mark.parametrize(("images", "batch"), [(45_000, 512), (1294, 32), (5000, 64), (100, 32)])
def test_a_small_data_set_gets_small_batches_and_a_rate_in_proportion(images: int, batch: int) -> None:
    recipe = recipes["fast"].for_images(images)
    assert (recipe.batch_size, recipe.lr) == (batch, pytest.approx(0.8 * batch / 512))


def test_a_rate_that_is_given_is_the_rate() -> None:
    assert recipes["fast"].with_numbers({"lr": 0.3}).for_images(1000).lr == 0.3


def test_numbers_are_read_from_text() -> None:
    given = overrides(["cutout=4", "nesterov=false", "milestones=3,5"], epochs=9, lr=None)
    recipe = recipes["fast"].with_numbers(given)
    assert (recipe.cutout, recipe.nesterov, recipe.milestones, recipe.epochs) == (4, False, (3, 5), 9)


@pytest.mark.parametrize("text", ["cutout", "cutout=x", "flip=maybe", "=3", "epochs=1e9"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        recipes["fast"].with_numbers(overrides([text]))


def test_the_moving_average_follows_its_formula() -> None:
    model = nn.BatchNorm1d(1)
    average = MovingAverage(model, 0.9)
    expected = 0.0
    for step in range(1, 30):
        nn.init.constant_(model.bias, float(step))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert average.model.bias.item() == pytest.approx(expected, rel=1e-5)
    assert math.isclose(average.model.running_var.item(), 1.0)
    model.num_batches_tracked.fill_(7)
    average.count()
    assert average.model.num_batches_tracked.item() == 7
