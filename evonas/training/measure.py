"""Accuracy of a classifier on clean images and under the validation attack."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from evonas.training.adversary import perturb
from evonas.training.certified import certified_accuracy
from evonas.training.images import Images
from evonas.training.logits import correct
from evonas.training.model import Classifier
from evonas.training.recipe import Recipe
from evonas.training.room import times
from evonas.training.undisturbed import undisturbed
from fitness import stable_hash
from fitness.layout import layout

BATCH = 512  # images; on a GPU, after the first batch, up to MOST times as many, see `room`
MOST = 4
PGD_STEPS = 10
Attack = Callable[[Callable[[Tensor], Tensor], Tensor, Tensor], Tensor]


def accuracy(model: nn.Module, images: Images, attack: Attack | None = None) -> float:
    """The accuracy of ``model`` in eval mode, in float32 without TF32, under ``attack(model, pixels, labels)``.

    The attack draws from the global generators, which are restored afterwards.
    """
    right = start = 0
    batch, device = BATCH, images.device
    with undisturbed(model, device):
        while start < len(images):
            pixels = images.pixels(slice(start, start + batch)).float() / 255  # (n, 3, H, W)
            pixels = pixels.contiguous(memory_format=layout(device))
            labels = images.labels[start : start + batch]
            if attack is not None:
                pixels = attack(model, pixels, labels)
            right += int(correct(model, pixels, labels).sum())
            start += batch
            if start == BATCH < len(images):
                batch *= times(model, pixels, BATCH, MOST)
    return right / len(images)


def judged(model: Classifier, images: Images, recipe: Recipe, seed: int) -> tuple[float, float | None]:
    """Accuracy on clean images and under what ``recipe`` trains against, see `Recipe.judged`; None for nothing."""
    validation = accuracy(model, images)
    if recipe.adversary != "none":
        return validation, robust_accuracy(model, images, recipe.eps, seed)
    if recipe.is_certified:
        return validation, certified_accuracy(model, images, recipe.eps)
    return validation, noisy_accuracy(model, images, recipe.sigma, seed) if recipe.sigma else None


def noisy_accuracy(model: nn.Module, images: Images, sigma: float, seed: int) -> float:
    """Accuracy on images with noise of N(0, sigma^2), drawn from ``seed`` every time.

    The noise does not depend on the size of the batch.
    """

    def noisy(logits: Callable[[Tensor], Tensor], pixels: Tensor, labels: Tensor) -> Tensor:
        return pixels + sigma * torch.cat([torch.randn_like(part) for part in pixels.split(BATCH)])

    return _drawn(model, images, noisy, stable_hash(seed, "validation noise"))


def robust_accuracy(model: nn.Module, images: Images, eps: float, seed: int) -> float:
    """Accuracy under PGD with 10 steps of eps/4 from one random start, drawn from ``seed`` every time.

    The start does not depend on the size of the batch.
    """

    def attack(logits: Callable[[Tensor], Tensor], pixels: Tensor, labels: Tensor) -> Tensor:
        return perturb(logits, pixels, labels, eps, eps / 4, PGD_STEPS, drawn=BATCH)

    return _drawn(model, images, attack, stable_hash(seed, "validation attack"))


def _drawn(model: nn.Module, images: Images, attack: Attack, seed: int) -> float:
    with torch.random.fork_rng(devices=[images.device] if images.device.type == "cuda" else []):
        torch.manual_seed(seed)
        return accuracy(model, images, attack)
