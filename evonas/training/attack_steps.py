"""Steps along the sign of the gradient within an L-infinity ball, for training and for evaluation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Logits = Callable[[Tensor], Tensor]  # images (N, 3, H, W) to logits (N, classes)


def box(images: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """The lower and upper bound of each pixel, (N, 3, H, W) each: the ball of ``radius`` within [0, 1]."""
    return (images - radius).clamp(min=0), (images + radius).clamp(max=1)


def gradient(logits: Logits, images: Tensor, labels: Tensor) -> Tensor:
    """Gradient of the cross-entropy of each image with respect to it, (N, 3, H, W); ``labels`` int64 (N,)."""
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        loss = F.cross_entropy(logits(images).float(), labels, reduction="sum")
    return torch.autograd.grad(loss, images)[0]


def ascend(
    logits: Logits, images: Tensor, labels: Tensor, start: Tensor, radius: float, step: float, steps: int
) -> Tensor:
    """x_(t+1) = clip(x_t + step sign(grad_x L(f(x_t), y))) from x_0 = ``start``; returns the last x, (N, 3, H, W).

    ``images`` and ``start`` float (N, 3, H, W), ``labels`` int64 (N,); ``radius`` and ``step`` in the unit of the
    images. Clips into the ball of ``radius`` around ``images`` and into [0, 1].
    """
    (low, high), moved = box(images, radius), start
    for _ in range(steps):
        moved = (moved.detach() + step * gradient(logits, moved, labels).sign()).clamp(low, high)
    return moved.detach()
