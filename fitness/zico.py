"""ZiCo: how steady the gradients of an untrained network are from batch to batch."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitness import passes
from fitness.base import NoScore, Task
from fitness.registered import register
from fitness.transfer import numbers

PARTS = 2  # batches whose gradients are compared; the released code's number


def zico_score(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum over layers of log sum mean|g|/std(g) over `PARTS` parts of images (N, 3, H, W).

    ``network`` is not modified.
    """
    if len(labels) < PARTS:
        raise NoScore(f"zico compares {PARTS} parts of a batch, but the batch has {len(labels)} image")
    gradients = []
    for x, y in zip(images.tensor_split(PARTS), labels.tensor_split(PARTS), strict=True):
        theta = passes.weights(network)
        loss = F.cross_entropy(passes.logits(network, x, theta), y)
        gradients.append(torch.autograd.grad(loss, list(theta.values()), allow_unused=True))
    reached = [parts for parts in zip(*gradients, strict=True) if not any(part is None for part in parts)]
    ratios = [ratio for ratio in numbers(_ratio(torch.stack(parts)) for parts in reached) if ratio > 0]
    if not ratios:
        raise NoScore("no layer has a gradient that differs between the halves of the batch")
    return sum(map(math.log, ratios))


def _ratio(g: Tensor) -> Tensor:
    """sum mean|g|/std(g) over the entries (PARTS, ...) of a layer that vary, in float64."""
    mean, spread = g.abs().mean(0), g.std(0, unbiased=False)
    varying = spread > 0
    if g.is_cuda:  # the host would wait for the number of those that vary
        return torch.where(varying, mean / spread, 0).double().sum()
    return (mean[varying] / spread[varying]).double().sum()


@register(
    "zico",
    formula="sum over m of log sum over i of mean_b |g_mi| / std_b g_mi",
    source="Li, Yang, Bhardwaj, Marculescu 2023 (arXiv:2301.11300), as released",
    cost="1 forward, 1 backward, in two halves",
    needs_images=True,
    version=2,
)
def zico(genotype: Any, task: Task) -> float:
    """Sum over layers of the log of the inverse coefficients of variation of their gradients.

        g_m^b = grad L(f(x^b), y^b),  b = 1, 2        score = sum_m log sum_i mean_b |g_mi^b| / std_b g_mi^b

    std is the population's (divisor 2), weights whose gradient does not vary are left out. The paper takes two
    batches; here they are the halves of the one batch, in its order, so a permutation of the images across
    the halves does change the value. A std near 0 makes it ill-conditioned: float32 was up to 1.2 % off.
    """
    images, labels = task.images_and_labels()
    return zico_score(task.network(genotype), images, labels)
