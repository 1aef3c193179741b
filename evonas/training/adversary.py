"""The attacks of adversarial training, computed on each training batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from evonas.training.attack_steps import ascend
from evonas.training.recipe import Recipe


def perturb(
    logits: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, eps: float, step_size: float, steps: int
) -> Tensor:
    """x := clip(x + step sign(grad_x L(f(x), y))) from a random start, within eps in the L-infinity norm.

    images float (N, 3, H, W) in [0, 1]; ``eps`` and ``step_size`` in 1/255. One step of 1.25 eps is the FGSM of
    Wong, Rice, Kolter 2020, more are the PGD of Madry et al. 2018. Draws from the global generator of the device.
    """
    eps, step_size = eps / 255, step_size / 255
    start = (images + torch.empty_like(images).uniform_(-eps, eps)).clamp(0, 1)
    return ascend(logits, images, labels, start, eps, step_size, steps)


def step_size_of(recipe: Recipe, steps: int) -> float:
    """The step size of the recipe for its number of steps, 2.5 eps / steps for another number."""
    return recipe.step_size if steps == recipe.steps else 2.5 * recipe.eps / steps


@contextmanager
def statistics_kept(model: nn.Module) -> Iterator[None]:
    """Uses batch statistics as in training, without updating running statistics or dropping paths."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [(norm.running_mean, norm.running_var, norm.num_batches_tracked) for norm in norms]
    droppers: list[Any] = [module for module in model.modules() if getattr(module, "drop_path_prob", 0.0)]
    probabilities = [module.drop_path_prob for module in droppers]
    for norm in norms:
        norm.running_mean = norm.running_var = norm.num_batches_tracked = None
    for module in droppers:
        module.drop_path_prob = 0.0
    try:
        yield
    finally:
        for norm, (mean, variance, count) in zip(norms, before, strict=True):
            norm.running_mean, norm.running_var, norm.num_batches_tracked = mean, variance, count
        for module, probability in zip(droppers, probabilities, strict=True):
            module.drop_path_prob = probability
