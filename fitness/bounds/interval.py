"""Intervals as centre and radius, and networks that compute with them.

Source: Gowal et al., "On the Effectiveness of Interval Bound Propagation for Training Verifiably Robust Models",
2018 (arXiv:1810.12715); the enclosure of rounding: Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fitness.bounds.layers import Affine, Monotone, rule_of
from spaces.arithmetic import Arithmetic, Block
from spaces.errors import UsageError

_UNIT = torch.finfo(torch.float64).eps


@dataclass(frozen=True, eq=False)
class Interval:
    """All tensors x with |x - centre| <= radius, element by element; both (N, ...), float64 for a proof."""

    centre: Tensor
    radius: Tensor

    @property
    def low(self) -> Tensor:
        """The lower ends, (N, ...)."""
        return self.centre - self.radius

    @property
    def high(self) -> Tensor:
        """The upper ends, (N, ...)."""
        return self.centre + self.radius


def box(images: Tensor, radius: Tensor | float) -> Interval:
    """The images within ``radius`` of ``images`` (N, 3, H, W) and within [0, 1], in float64.

    ``radius`` in the unit of the images, one number or one for each image (N,). Raises `UsageError` for images
    outside [0, 1] and for a radius that is negative or not a number.
    """
    centre = images.double()
    if images.numel() and not (centre.min() >= 0 and centre.max() <= 1):  # also false for nan
        raise UsageError(
            f"images must lie in [0, 1], not from {centre.min().item():g} to {centre.max().item():g}; "
            "normalisation belongs inside the network"
        )
    if not (torch.as_tensor(radius) >= 0).all():
        raise UsageError("the radius of a box must be a number of at least 0")
    each = torch.as_tensor(radius, dtype=torch.float64, device=images.device).view(-1, 1, 1, 1).expand_as(centre)
    low, high = (centre - each).clamp(min=0), (centre + each).clamp(max=1)
    cut = (centre < each) | (centre + each > 1)
    middle = (low + high) / 2
    half = (high - low) / 2 + 2 * _UNIT * high
    return Interval(torch.where(cut, middle, centre), torch.where(cut, half, each))


def normalised(x: Interval, mean: Tensor, std: Tensor) -> Interval:
    """(x - mean) / std, by channel; ``mean`` and ``std`` broadcast over (N, C, H, W)."""
    centre = (x.centre - mean) / std
    return Interval(centre, x.radius / std * (1 + 4 * _UNIT) + 4 * _UNIT * centre.abs())


def affine(layer: Affine, x: Interval) -> Interval:
    """L x + b: centre L c + b, radius |L| r; n products and sums round by at most n u (|L| |c| + |b|)."""
    centre = layer.apply(x.centre)
    if not layer.terms:
        return Interval(centre, layer.magnitude(x.radius))
    slack = (layer.terms + 8) * _UNIT
    radius = layer.magnitude(x.radius + slack * x.centre.abs()) * (1 + 4 * slack)
    if layer.bias is not None:
        bias, size = layer.bias
        centre, radius = centre + bias, radius + slack * size
    return Interval(centre, radius)


def between(low: Tensor, high: Tensor) -> Interval:
    """The interval between two tensors (N, ...) that were rounded once."""
    centre, half = (low + high) / 2, (high - low) / 2
    return Interval(centre, half + 4 * _UNIT * (centre.abs() + half))


def enclosed(rule: Affine | Monotone, x: Interval) -> Interval:
    """The interval of a layer with ``rule``."""
    return affine(rule, x) if isinstance(rule, Affine) else between(rule.apply(x.low), rule.apply(x.high))


def total(terms: Sequence[Interval]) -> Interval:
    """The sum of intervals of equal shape."""
    centre, radius, size = terms[0].centre, terms[0].radius, terms[0].centre.abs()
    for term in terms[1:]:
        centre, radius = centre + term.centre, radius + term.radius
        size = size + term.centre.abs()
    slack = 2 * len(terms) * _UNIT
    return Interval(centre, radius * (1 + slack) + slack * size) if len(terms) > 1 else terms[0]


def scaled(x: Interval, weight: Any) -> Interval:
    """An interval times a number that is not negative."""
    centre = x.centre * weight
    return Interval(centre, x.radius * weight * (1 + 4 * _UNIT) + _UNIT * centre.abs())


class Last(NamedTuple):
    """The last linear layer: weights (K, C), bias (K,), and its input and output."""

    weight: Tensor
    bias: Tensor | None
    input: Interval
    output: Interval


class IntervalArithmetic(Arithmetic):
    """Interval bound propagation: every operation returns an interval that holds all of its results."""

    def __init__(self) -> None:
        self.last: Last | None = None

    def apply(self, module: nn.Module, x: Any) -> Any:
        if isinstance(module, Block):
            return module(x, self)
        if isinstance(module, nn.Sequential):
            for child in module:
                x = self.apply(child, x)
            return x
        return self.layer(module, x)

    def layer(self, module: nn.Module, x: Any) -> Any:
        """A module that has a rule."""
        found = enclosed(self.rule(module, x), x)
        if type(module) is nn.Linear:
            self.last = Last(module.weight, module.bias, x, found)
        return found

    def rule(self, module: nn.Module, x: Any) -> Affine | Monotone:
        """The rule of a module for the input ``x``."""
        return rule_of(module)(module, x.centre)

    def add(self, terms: Sequence[Any]) -> Any:
        return total(terms)

    def weighted(self, terms: Sequence[Any], weights: Sequence[Any]) -> Any:
        return self.add([scaled(term, weight) for term, weight in zip(terms, weights, strict=True)])

    def concatenate(self, parts: Sequence[Any]) -> Any:
        return Interval(torch.cat([x.centre for x in parts], 1), torch.cat([x.radius for x in parts], 1))
