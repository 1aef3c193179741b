"""Certified training: a loss that bounds the margins over boxes around the images, and certified accuracy.

Sources: Gowal et al., "On the Effectiveness of Interval Bound Propagation for Training Verifiably Robust Models",
2018; Shi et al., "Fast Certified Robust Training with Short Warmup", NeurIPS 2021; Mueller et al., "Certified
Training: Small Boxes are All You Need", ICLR 2023.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evonas.training.adversary import perturb
from evonas.training.images import Images
from evonas.training.model import Classifier
from evonas.training.norms import Norms
from evonas.training.recipe import Recipe
from evonas.training.schedule import kappa_at, size_at
from evonas.training.undisturbed import undisturbed
from fitness.bounds import Interval, box, lower_margins, normalised, training_bounds

TOLERANCE = 0.5  # tau of Shi et al.
TINY = 1e-12
BATCH = 100  # images that are bounded at once in float64


def certified_loss(
    model: Classifier,
    norms: Norms,
    recipe: Recipe,
    pixels: Tensor,
    labels: Tensor,
    passed: float,
    cross_entropy: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """kappa L(f(x), y) + (1 - kappa) L(-m, y) + lambda R after the part ``passed`` of the training; and f(x).

    ``pixels`` float32 (N, 3, H, W) in [0, 1], ``labels`` int64 (N,). L is ``cross_entropy``, m are lower bounds of
    f_y - f_k over a box. Its side is 2 ``box`` eps; below 1 it lies where PGD from a random start has gone within
    (1 - ``box``) eps. eps grows as `size_at`, and lambda = ``regulariser`` (1 - size).
    """
    size, kappa = size_at(recipe, passed), kappa_at(recipe, passed)
    centre, eps = pixels, size * recipe.eps
    if recipe.box < 1:
        reach = (1 - recipe.box) * eps
        with norms.kept():
            centre = perturb(model, pixels, labels, reach, 2.5 * reach / recipe.steps, recipe.steps)
    half = recipe.box * eps / 255
    low, high = (centre - half).clamp(min=0), (centre + half).clamp(max=1)
    around = normalised(Interval((low + high) / 2, (high - low) / 2), model.mean, model.std)
    bounds = training_bounds(model.network, (pixels - model.mean) / model.std, around, labels)
    worst, clean = cross_entropy(-bounds.margins, labels), cross_entropy(bounds.logits, labels)
    loss = kappa * clean + (1 - kappa) * worst if kappa < 1 else clean
    if recipe.regulariser and size < 1:
        loss = loss + recipe.regulariser * (1 - size) * regulariser(around, bounds.rectified)
    return loss, bounds.logits


def regulariser(first: Interval, rectified: Sequence[Interval]) -> Tensor:
    """The mean over ReLUs of (t - w_0/w)+ / t + (t - a)+ / t + (t - b)+ / t, t = 0.5, of intervals (N, ...).

    w is the mean width before the ReLU and w_0 that of ``first``. Of the centres c whose interval is above 0, and
    of those whose interval is below, a is the ratio of the sums of |c|, b that of the squares of c - mean(c); the
    smaller one is divided by the larger.
    """
    total = first.radius.new_zeros(())
    for x in rectified:
        tight = first.radius.mean() / x.radius.mean().clamp(min=TINY)
        on, off = (x.low > 0).to(x.centre.dtype), (x.high < 0).to(x.centre.dtype)
        spread = (x.centre - x.centre.mean()) ** 2
        sizes = _ratio((x.centre * on).sum(), -(x.centre * off).sum())
        spreads = _ratio((spread * on).sum(), (spread * off).sum())
        total = total + sum(F.relu(TOLERANCE - ratio) for ratio in (tight, sizes, spreads)) / TOLERANCE
    return total / max(1, len(rectified))


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """The smaller of two sums divided by the larger."""
    return torch.minimum(a / b.clamp(min=TINY), b / a.clamp(min=TINY))


@torch.no_grad()
def initialise(model: nn.Module, seed: int) -> None:
    """Weights of convolutions and linear layers from N(0, 2 pi / n^2), with n inputs of each sum (Shi et al.).

    Intervals then keep their width from layer to layer.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = module.weight
            drawn = torch.randn(weight.shape, generator=generator) * math.sqrt(2 * math.pi) / weight[0].numel()
            weight.copy_(drawn)


def certified_accuracy(model: Classifier, images: Images, eps: float) -> float:
    """The share of the images that intervals certify at ``eps``, in 1/255, in float64."""
    network = copy.deepcopy(model.network).double().eval()
    mean, std, right = model.mean.double(), model.std.double(), 0
    with undisturbed(model, images.device):
        for start in range(0, len(images), BATCH):
            chosen = slice(start, start + BATCH)
            around = normalised(box(images.pixels(chosen).double() / 255, eps / 255), mean, std)
            right += int((lower_margins(network, around, images.labels[chosen]).amin(1) > 0).sum())
    return right / len(images)
