"""What differentiable search maximises next to accuracy: a certified margin, and small Jacobians of cells.

Source: Hosseini, Yang, Xie, "DSRNA: Differentiable Search of Robust Neural Architectures", CVPR 2021
(arXiv:2012.06122).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from evonas.searching.differentiable.replaced import double, in_float64
from fitness.bounds import Interval, cell_norms, normalised, training_bounds
from spaces import Network

LARGEST, SMALLEST = 1e33, 1e-30  # of float32, with room for gradients of logarithms, which are one over them


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


Robustness = Callable[[Network, Examples], tuple[Tensor, Tensor]]  # logits (N, classes), and R


class Certificate(NamedTuple):
    """How margins are certified: within ``eps`` / 255, by intervals or ``linear`` bounds (CROWN-IBP).

    ``images`` is the number of first images of a batch that are bounded, by default all.
    """

    eps: float
    linear: bool = False
    images: int | None = None


def certified(network: Network, examples: Examples, how: Certificate, raw: bool = False) -> tuple[Tensor, Tensor]:
    """R = the mean over images of s(m), m = min_k (a lower bound of f_y - f_k).

    Returns logits (N, classes) and R, a scalar. s(m) = m for m >= 0 or if ``raw``, else -log(1 - m). Where float32
    is too small for the margins, the bounds are computed in float64, linear ones always.
    """
    inside = in_float64(network) if how.linear else network
    logits, margins = _margins(inside, Examples(*map(double, examples)) if how.linear else examples, how)
    if not how.linear and not bool(margins.detach().abs().amax() < LARGEST):  # also of nan
        margins = _margins(in_float64(network), Examples(*map(double, examples)), how)[1]
    logits = logits.to(examples.pixels.dtype)
    vacuous = -torch.log1p(-margins.clamp(max=0))
    return logits, (margins if raw else torch.where(margins < 0, vacuous, margins)).mean().to(logits.dtype)


def _margins(network: Network, examples: Examples, how: Certificate) -> tuple[Tensor, Tensor]:
    """Logits (N, classes) and the smallest margin of each image that is bounded, (M,)."""
    half, count = how.eps / 255, how.images
    pixels, labels = examples.pixels[:count], examples.labels[:count]
    low, high = (pixels - half).clamp(min=0), (pixels + half).clamp(max=1)
    around = normalised(Interval((low + high) / 2, (high - low) / 2), examples.mean, examples.std)
    bounds = training_bounds(network, examples.images, around, labels, how.linear)
    return bounds.logits, bounds.margins.scatter(1, labels[:, None], torch.inf).amin(1)


def jacobian(network: Network, examples: Examples, raw: bool = False) -> tuple[Tensor, Tensor]:
    """R = minus the mean over images and cells of log |J_k|_inf, or of |J_k|_inf if ``raw``, see `cell_norms`.

    Returns logits (N, classes) and R, a scalar.
    """
    logits, norms = cell_norms(network, examples.images)
    return logits, -(norms if raw else norms.clamp(min=SMALLEST).log()).mean()


def both(network: Network, examples: Examples, how: Certificate, raw: bool = False) -> tuple[Tensor, Tensor]:
    """Logits (N, classes) and R, a scalar: the sum of the two."""
    logits, margin = certified(network, examples, how, raw)
    return logits, margin + jacobian(network, examples, raw)[1]
