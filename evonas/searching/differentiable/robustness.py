"""What differentiable search maximises next to accuracy: a certified margin, and small Jacobians of cells.

Source: Hosseini, Yang, Xie, "DSRNA: Differentiable Search of Robust Neural Architectures", CVPR 2021
(arXiv:2012.06122).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from fitness.bounds import Interval, cell_norms, normalised, training_bounds
from spaces.supernet import Supernet


class Examples(NamedTuple):
    """Pixels float32 (N, 3, H, W) in [0, 1], labels int64 (N,), and what normalises pixels, (1, 3, 1, 1)."""

    pixels: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor

    @property
    def images(self) -> Tensor:
        """The normalised pixels, (N, 3, H, W)."""
        return (self.pixels - self.mean) / self.std


Robustness = Callable[[Supernet, Examples], tuple[Tensor, Tensor]]  # logits (N, classes), and R


def certified(network: Supernet, examples: Examples, eps: float) -> tuple[Tensor, Tensor]:
    """R = the mean over images of min_k (a lower bound of f_y - f_k within ``eps`` / 255), by intervals."""
    half = eps / 255
    low, high = (examples.pixels - half).clamp(min=0), (examples.pixels + half).clamp(max=1)
    around = normalised(Interval((low + high) / 2, (high - low) / 2), examples.mean, examples.std)
    bounds = training_bounds(network, examples.images, around, examples.labels)
    others = bounds.margins.scatter(1, examples.labels[:, None], torch.inf)
    return bounds.logits, others.amin(1).mean()


def jacobian(network: Supernet, examples: Examples) -> tuple[Tensor, Tensor]:
    """R = minus the mean over images and cells of an upper bound of |J_k|_inf, see `cell_norms`."""
    logits, norms = cell_norms(network, examples.images)
    return logits, -norms.mean()


def both(network: Supernet, examples: Examples, eps: float) -> tuple[Tensor, Tensor]:
    """The sum of the two."""
    logits, margin = certified(network, examples, eps)
    return logits, margin + jacobian(network, examples)[1]
