"""The steps of an attack are the same in training and in evaluation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from evonas.evaluation.attacks import Draws
from evonas.evaluation.attacks.pgd import PGD
from evonas.training.adversary import perturb
from evonas.training.attack_steps import ascend, box, gradient
from tests.evonas.networks import digits, trained

RADIUS, STEP = 8 / 255, 2 / 255


def images_and_labels() -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = digits("test")
    return images[:12].float() / 255, labels[:12]


def test_a_step_is_the_formula() -> None:
    model, (images, labels) = trained(), images_and_labels()
    x = (images + RADIUS * (2 * torch.rand(images.shape, generator=torch.Generator().manual_seed(0)) - 1)).clamp(
        0, 1
    )
    start = x
    for _ in range(3):
        x = x.clone().requires_grad_()
        F.cross_entropy(model(x), labels, reduction="sum").backward()
        assert x.grad is not None
        with torch.no_grad():
            moved = x + STEP * x.grad.sign()
            x = torch.minimum(torch.maximum(moved, images - RADIUS), images + RADIUS).clamp(0, 1)
    found = ascend(model, images, labels, start, RADIUS, STEP, 3)
    assert torch.allclose(found, x, atol=1e-7) and not found.requires_grad


def test_the_gradient_is_that_of_each_image_alone() -> None:
    model, (images, labels) = trained(), images_and_labels()
    whole = gradient(model, images, labels)
    alone = torch.cat([gradient(model, images[i : i + 1], labels[i : i + 1]) for i in range(len(images))])
    assert torch.allclose(whole, alone, atol=1e-6) and whole.abs().max() > 0


@pytest.mark.parametrize("steps", [1, 4])
def test_training_and_evaluation_take_the_same_steps_from_the_same_start(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, (images, labels) = trained(), images_and_labels()
    draws = Draws.of(0, 0, len(images))
    noise = draws.uniform("pgd start 0", tuple(images.shape[1:]))
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda self, low, high: self.copy_(high * noise))
    ours = perturb(model, images, labels, 8.0, 2.0, steps)
    monkeypatch.undo()
    theirs = PGD(steps=steps, step_size=2.0)(model, images, labels, 8.0, draws)
    low, high = box(images, RADIUS)
    assert ((ours - theirs).abs() < 1e-6).float().mean() > 0.999
    assert (ours >= low - 1e-6).all() and (ours <= high + 1e-6).all()
