"""The attacks of adversarial training, computed on each training batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from evonas.training.attack_steps import ascend
from evonas.training.recipe import Recipe


def perturb(
    logits: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    eps: float,
    step_size: float,
    steps: int,
    drawn: int | None = None,
) -> Tensor:
    """x := clip(x + step sign(grad_x L(f(x), y))) from a random start, within eps in the L-infinity norm.

    images float (N, 3, H, W) in [0, 1]; ``eps`` and ``step_size`` in 1/255. One step of 1.25 eps is the FGSM of
    Wong, Rice, Kolter 2020, more are the PGD of Madry et al. 2018. Draws from the global generator of the device,
    for ``drawn`` images at a time (by default all): on a GPU the numbers depend on how many are drawn at once.
    """
    eps, step_size = eps / 255, step_size / 255
    noise = [torch.empty_like(part).uniform_(-eps, eps) for part in images.split(drawn or len(images))]
    start = (images + (noise[0] if len(noise) == 1 else torch.cat(noise))).clamp(0, 1)
    return ascend(logits, images, labels, start, eps, step_size, steps)


def step_size_of(recipe: Recipe, steps: int) -> float:
    """The step size of the recipe for its number of steps, 2.5 eps / steps for another number."""
    return recipe.step_size if steps == recipe.steps else 2.5 * recipe.eps / steps
