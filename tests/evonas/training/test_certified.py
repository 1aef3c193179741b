"""Certified training: its schedule, loss and regularisers, what it learns, and what it refuses."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evonas.core.events import Listener
from evonas.training import certified
from evonas.training.fitting import doubts
from evonas.training.images import Images
from evonas.training.model import Classifier
from evonas.training.norms import Norms
from evonas.training.parallel import Group
from evonas.training.recipe import Recipe, recipes
from evonas.training.schedule import SMALLEST, kappa_at, size_at
from evonas.training.settings import TrainSettings
from evonas.training.training import Training
from fitness.bounds import Interval
from spaces import UsageError
from tests.evonas.networks import digits, trained

Small = Callable[..., TrainSettings]
IBP = recipes["ibp"]


def loss_of(
    model: Classifier, recipe: Recipe, pixels: Tensor, labels: Tensor, passed: float
) -> tuple[Tensor, Tensor]:
    return certified.certified_loss(model, Norms(model), recipe, pixels, labels, passed, F.cross_entropy)


def test_the_box_grows_without_a_corner_from_the_warm_up_to_the_end_of_the_ramp() -> None:
    recipe = dataclasses.replace(IBP, warm_up=0.1, ramp=0.5, kappa=0.25)
    assert [size_at(recipe, passed) for passed in (0, 0.1, 0.6, 0.61, 1)] == [SMALLEST, SMALLEST, 1, 1, 1]
    sizes = [size_at(recipe, 0.1 + 0.5 * k / 1000) for k in range(1001)]
    steps = [after - before for before, after in itertools.pairwise(sizes)]
    assert min(steps) >= 0 and max(steps) < 1.4e-3  # 1 / (1 - 3/16) of 1/1000
    assert max(abs(after - before) for before, after in itertools.pairwise(steps)) < 3e-5
    assert [kappa_at(recipe, passed) for passed in (0, 0.1, 0.35, 0.6, 1)] == [1, 1, 0.625, 0.25, 0.25]
    assert size_at(dataclasses.replace(recipe, warm_up=0, ramp=0), 0) == 1


def test_the_loss_is_that_of_bounds_and_images() -> None:
    model, (images, labels) = trained().train(), digits("train")
    pixels, labels = images[:6].float() / 255, labels[:6]
    recipe = dataclasses.replace(IBP, kappa=0.25, regulariser=0, eps=1.0)
    loss, logits = loss_of(model, recipe, pixels, labels, 1.0)
    with torch.no_grad():
        again = trained().train()
        torch.testing.assert_close(logits, again(pixels))
    clean = F.cross_entropy(logits, labels)
    only, _ = loss_of(model, dataclasses.replace(recipe, kappa=0), pixels, labels, 1.0)
    assert loss.item() == pytest.approx(0.25 * clean.item() + 0.75 * only.item(), rel=1e-5)
    assert only > clean
    at_first, _ = loss_of(model, recipe, pixels, labels, 0.0)
    assert at_first.item() == pytest.approx(clean.item(), rel=1e-5)
    none, _ = loss_of(model, dataclasses.replace(recipe, eps=0, kappa=0), pixels, labels, 1.0)
    assert none.item() == pytest.approx(clean.item(), rel=1e-4)


def test_a_small_box_lies_in_the_large_one_and_where_the_attack_goes() -> None:
    model, (images, labels) = trained().train(), digits("train")
    pixels, labels = images[:8].float() / 255, labels[:8]
    torch.manual_seed(0)
    sabr = dataclasses.replace(recipes["sabr"], regulariser=0, kappa=0, eps=8.0)
    losses = {}
    for box in (1.0, 0.5, 0.01):
        losses[box] = loss_of(model, dataclasses.replace(sabr, box=box), pixels, labels, 1.0)[0]
    clean = F.cross_entropy(trained().train()(pixels), labels)
    assert losses[1.0] > losses[0.5] > losses[0.01] > 1.05 * clean  # the attack alone raises the loss


def test_the_regularisers_ask_for_tight_and_balanced_intervals() -> None:
    first = Interval(torch.zeros(1, 4), torch.full((1, 4), 0.1))
    balanced = Interval(torch.tensor([[1.0, -1.0, 2.0, -2.0]]), torch.full((1, 4), 0.1))
    assert certified.regulariser(first, [balanced]) == 0
    assert certified.regulariser(first, []) == 0
    wide = dataclasses.replace(balanced, radius=torch.full((1, 4), 0.4))  # 1/4 as tight, half of the tolerance
    assert certified.regulariser(first, [wide]).item() == pytest.approx(0.5)
    assert certified.regulariser(first, [wide, balanced]).item() == pytest.approx(0.25)
    off = dataclasses.replace(balanced, centre=-balanced.centre.abs())  # nothing is active
    assert certified.regulariser(first, [off]).item() == pytest.approx(2)


def test_initial_weights_have_the_spread_that_keeps_widths() -> None:
    model = nn.Sequential(nn.Conv2d(64, 64, 3, groups=64), nn.BatchNorm2d(64), nn.Linear(500, 200))
    certified.initialise(model, 0)
    assert model[0].weight.std().item() == pytest.approx(2.5066 / 9, rel=0.1)
    assert model[2].weight.std().item() == pytest.approx(2.5066 / 500, rel=0.02)
    wide = model[2].weight.abs() @ torch.ones(500)
    assert wide.mean().item() == pytest.approx(2, rel=0.05)  # a ReLU halves it


def test_certified_accuracy_is_that_of_the_certificate() -> None:
    from evonas.evaluation.certificates.ibp import IBP as Certificate
    from evonas.evaluation.subject import Subject

    images, labels = digits("test")
    found = Certificate((1.0,)).run(Subject(trained(), images[:30], labels[:30])).rates["certified 1/255"]
    assert certified.certified_accuracy(trained(), Images(images[:30], labels[:30]), 1.0) == found.accuracy > 0


def test_it_learns_what_it_certifies(small: Small, tmp_path: Path) -> None:
    numbers = {"epochs": 10, "milestones": (9,), "lr": 0.02, "warm_up": 0.1, "ramp": 0.4, "ema": 0.9, "crop": 0}
    settings = dataclasses.replace(small("ibp", side=8, **numbers), layers=1)
    result = Training(tmp_path, settings, Listener(), Group()).run()
    assert result.best.robust == max(row.robust or 0 for row in result.history) >= 0.9
    assert result.best.validation >= result.best.robust


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"adversary": "pgd"}, "certified training takes no adversary; --set box=0.7"),
        ({"drop_path": 0.1}, "certified training takes no drop_path; add --set drop_path=0"),
        ({"sigma": 0.1}, "takes no sigma"),
        ({"warm_up": 0.6, "ramp": 0.5}, "must not add up to more than 1"),
        ({"box": 0.0}, "box must be from 0.001 to 1"),
        ({"kappa": 1.5}, "kappa must be from 0 to 1"),
        ({"certified": "crown"}, "certified"),
        ({"optimiser": "lamb"}, "optimiser"),
    ],
)
def test_numbers_that_do_not_go_together_are_refused(numbers: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        IBP.with_numbers(numbers)


def test_it_is_refused_where_bounds_would_be_wrong(small: Small, tmp_path: Path) -> None:
    settings = small("ibp")
    for options, message in (
        ({"precision": "bfloat16"}, "needs --precision float32"),
        ({"compile": True}, "compile"),
    ):
        with pytest.raises(UsageError, match=message):
            dataclasses.replace(settings, **options).resolve()  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="runs in one process"):
        Training(tmp_path, settings, Listener(), Group(0, 2))


def test_numbers_without_effect_are_named() -> None:
    (line,) = doubts(recipes["fast"].with_numbers({"box": 0.5, "kappa": 0}), {"box", "kappa"})
    assert line == "box, kappa has no effect without bounds in training; add --set certified=ibp"
    (line,) = doubts(IBP.with_numbers({"steps": 3}), {"steps"})
    assert line == "steps has no effect without a small box; add --set box=0.7"
    assert doubts(recipes["sabr"].with_numbers({"steps": 3}), {"steps"}) == []
    (line,) = doubts(IBP.with_numbers({"eps": 0}), {"eps"})
    assert "certified=none gives the same training without bounds" in line
    assert "box" not in recipes["fast"].in_full and "optimiser" not in recipes["fast"].in_full
    assert "kappa=0.5" in IBP.in_full and "optimiser=adam" in IBP.in_full and "step_size" not in IBP.in_full
