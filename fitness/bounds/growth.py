"""How fast the intervals of a network grow with the radius of a box, at radius 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fitness.bounds.certify import margins_of_intervals
from fitness.bounds.interval import Interval, IntervalArithmetic, Last
from fitness.bounds.layers import Affine


@dataclass(frozen=True, eq=False)
class Growing:
    """Values (N, ...), and the derivative of their intervals by the radius at 0, divided by exp(``log``)."""

    centre: Tensor
    slope: Interval
    log: Tensor  # a float64 scalar


class GrowthArithmetic(IntervalArithmetic):
    """Interval bound propagation to first order in the radius, without rounding of its own.

    A radius is neither added to a value nor compared with its rounding, and derivatives have a log-scale, so that
    they exist at any depth.
    """

    def layer(self, module: nn.Module, x: Growing) -> Growing:
        """A module that has a rule."""
        rule, slope = self.rule(module, x), x.slope
        if isinstance(rule, Affine):
            centre = rule.apply(x.centre)
            centre = centre if rule.bias is None else centre + rule.bias[0]
            grown = Interval(rule.apply(slope.centre), rule.magnitude(slope.radius))
        else:
            centre = rule.apply(x.centre)
            low, high = (rule.derivative(x.centre, end) for end in (slope.low, slope.high))
            grown = Interval((low + high) / 2, (high - low) / 2)
        if type(module) is nn.Linear:
            self.last = Last(module.weight, None, slope, grown)
        return Growing(centre, grown, x.log)

    def add(self, terms: Sequence[Growing]) -> Growing:
        slopes, log = _common(terms)
        centre, radius = (sum(parts[1:], parts[0]) for parts in zip(*slopes, strict=True))
        return Growing(sum((term.centre for term in terms[1:]), terms[0].centre), Interval(centre, radius), log)

    def weighted(self, terms: Sequence[Growing], weights: Sequence[Any]) -> Growing:
        pairs = zip(terms, weights, strict=True)
        return self.add(
            [Growing(x.centre * w, Interval(x.slope.centre * w, x.slope.radius * w), x.log) for x, w in pairs]
        )

    def concatenate(self, parts: Sequence[Growing]) -> Growing:
        slopes, log = _common(parts)
        centre, radius = (torch.cat(found, 1) for found in zip(*slopes, strict=True))
        return Growing(torch.cat([part.centre for part in parts], 1), Interval(centre, radius), log)

    def state(self, x: Growing) -> Growing:
        largest = x.slope.radius.amax()  # |centre| is at most the radius
        largest = torch.where(largest > 0, largest, 1)
        slope = Interval(x.slope.centre / largest, x.slope.radius / largest)
        return Growing(x.centre, slope, x.log + largest.log())


def _common(terms: Sequence[Growing]) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
    """Centres and radii of the derivatives at one log-scale, the largest."""
    logs = torch.stack([term.log for term in terms])
    log = logs.amax()
    factors = torch.exp(logs - log).unbind()
    pairs = zip(terms, factors, strict=True)
    return [(term.slope.centre * factor, term.slope.radius * factor) for term, factor in pairs], log


@torch.no_grad()
def log_radii(network: nn.Module, images: Tensor, growth: Interval) -> Tensor:
    """log2 of the radius in which intervals certify each prediction, to first order, (N,).

    ``growth`` is the derivative of the box around the ``images`` (N, 3, H, W) of a network in float64 and
    eval mode by its radius. The lower bound of f_y - f_k falls with a slope s_k at radius 0, so the radius is
    min_(k != y) (f_y - f_k) / s_k.
    """
    arithmetic = GrowthArithmetic()
    x = Growing(images.double(), growth, torch.zeros((), dtype=torch.float64, device=images.device))
    output: Growing = network(x, arithmetic)
    logits, labels = output.centre, output.centre.argmax(1)
    slopes = -margins_of_intervals(arithmetic, output.slope, labels).clamp(max=0)
    margins = logits.amax(1, keepdim=True) - logits
    radii = margins.log2() - slopes.log2() - output.log / math.log(2)
    return radii.scatter(1, labels[:, None], torch.inf).amin(1)
