"""Bounds of logits and of margins over a box of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fitness.bounds.interval import Interval, IntervalArithmetic
from fitness.bounds.linear import LinearArithmetic, Traced
from fitness.bounds.paired import Paired, PairedArithmetic
from spaces.network import Network


@dataclass(frozen=True, eq=False)
class TrainingBounds:
    """Logits of the images (N, classes), lower bounds of f_y - f_k (N, classes), and the inputs of every ReLU."""

    logits: Tensor
    margins: Tensor
    rectified: Sequence[Interval]


ROUNDING = 1e-9  # share of the sizes of all terms by which a linear bound may be rounded; a float64 rounds 1e-16


@torch.no_grad()
def lower_margins(
    network: nn.Module,
    images: Interval,
    labels: Tensor,
    linear: bool = False,
    arithmetic: IntervalArithmetic | None = None,
) -> Tensor:
    """Lower bounds of f_y - f_k over the box ``images``, float64 (N, classes), infinite at k = y.

    ``network`` in float64 and eval mode takes the images (N, ...) of the box; ``labels`` int64 (N,). Intervals
    subtract the classes before the last linear layer. With ``linear``, the larger of the bounds by intervals and
    by CROWN-IBP. A bound that is not a number is minus infinity. ``arithmetic`` computes the intervals, by default
    an `IntervalArithmetic`.
    """
    arithmetic = arithmetic or IntervalArithmetic()
    output = _forward(network, images, arithmetic)
    found = margins_of_intervals(arithmetic, output, labels)
    if linear:
        rows = _margin_rows(labels, found)
        found = torch.maximum(found, _linear(network, images, rows))
    return found.scatter(1, labels[:, None], torch.inf)


@torch.no_grad()
def logit_bounds(
    network: nn.Module, images: Interval, linear: bool = False, arithmetic: IntervalArithmetic | None = None
) -> tuple[Tensor, Tensor]:
    """Lower and upper bounds of the logits over the box ``images``, float64 (N, classes); see `lower_margins`."""
    output = _forward(network, images, arithmetic or IntervalArithmetic())
    low, high = _number(output.low), -_number(-output.high)
    if linear:
        one = torch.eye(low.shape[1], dtype=low.dtype, device=low.device)[:, None].expand(-1, len(low), -1)
        both = _linear(network, images, torch.cat([one, -one]))
        below, above = both.chunk(2, 1)
        low, high = torch.maximum(low, below), torch.minimum(high, -above)
    return low, high


def training_bounds(
    network: nn.Module, images: Tensor, around: Interval, labels: Tensor, linear: bool = False
) -> TrainingBounds:
    """Differentiable bounds over the boxes ``around``, in the precision of the network, in training mode.

    BatchNorm takes the statistics of ``images`` (N, ...) for both, and updates its running ones. ``labels``
    int64 (M,) are those of the boxes (M, ...), of the first images or all. With ``linear``, the larger of both
    bounds, as in `lower_margins`. Source: Shi et al. 2021 (arXiv:2103.17268).
    """
    arithmetic = PairedArithmetic()
    traced = LinearArithmetic(arithmetic) if linear else None
    x = Paired(images, around)
    found = _forward(network, x, arithmetic) if traced is None else _forward(network, traced.start(x), traced)
    output = found if traced is None else found.value
    margins = margins_of_intervals(arithmetic, output.interval, labels)
    if traced is not None:
        rows = _margin_rows(labels, margins)
        margins = torch.maximum(margins, _lower(traced, found, around, rows))
    return TrainingBounds(output.value, margins, arithmetic.rectified)


def _forward(network: nn.Module, x: Any, arithmetic: IntervalArithmetic) -> Any:
    return network(x, arithmetic) if isinstance(network, Network) else arithmetic.apply(network, x)


def margins_of_intervals(arithmetic: IntervalArithmetic, output: Interval, labels: Tensor) -> Tensor:
    """Lower bounds of f_y - f_k by intervals, (N, classes), about 0 at k = y."""
    if arithmetic.last is None or arithmetic.last.output is not output:
        at = labels[:, None]
        return _number(output.low.gather(1, at) - output.high)
    x, bias = arithmetic.last.input, arithmetic.last.bias
    weight = arithmetic.last.weight.to(x.centre.dtype)
    rows = weight[labels][:, None] - weight  # (N, classes, C)
    slack = (weight.shape[1] + 8) * torch.finfo(rows.dtype).eps
    centre = (rows @ x.centre[:, :, None]).squeeze(2)
    size = x.centre.abs()
    wide = (weight[labels].abs()[:, None] + weight.abs()) * slack  # rounding of the differences of weights, too
    radius = (rows.abs() @ x.radius[:, :, None] + wide @ (size + x.radius)[:, :, None]).squeeze(2) * (1 + slack)
    if bias is not None:
        bias = bias.to(x.centre.dtype)
        centre = centre + (bias[labels][:, None] - bias)
        radius = radius + slack * (bias[labels][:, None].abs() + bias.abs())
    return _number(centre - radius)


def _margin_rows(labels: Tensor, like: Tensor) -> Tensor:
    """e_y - e_k for every class k, (classes, N, classes)."""
    one = torch.eye(like.shape[1], dtype=like.dtype, device=like.device)
    return one[labels] - one[:, None]


def _linear(network: nn.Module, images: Interval, rows: Tensor) -> Tensor:
    """Lower bounds of ``rows`` (K, N, classes) of the logits by CROWN-IBP, (N, K)."""
    arithmetic = LinearArithmetic()
    return _lower(arithmetic, _forward(network, arithmetic.start(images), arithmetic), images, rows)


def _lower(arithmetic: LinearArithmetic, output: Traced, images: Interval, rows: Tensor) -> Tensor:
    """Lower bounds of ``rows`` (K, N, classes) of ``output`` by a backward pass, (N, K)."""
    found, constants, sizes = arithmetic.pull(output, rows)
    spread, level = (found.abs() * images.radius).flatten(2).sum(2), (found * images.centre).flatten(2).sum(2)
    sizes = sizes + spread + (found * images.centre).abs().flatten(2).sum(2)
    return _number(level - spread + constants - ROUNDING * sizes).T


def _number(bound: Tensor) -> Tensor:
    """Minus infinity for what is not a number."""
    return torch.where(bound.isnan(), -torch.inf, bound)
