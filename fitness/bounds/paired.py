"""Values of images and the intervals around them, through a network in training mode.

Source: Shi et al., "Fast Certified Robust Training with Short Warmup", NeurIPS 2021 (arXiv:2103.17268): BatchNorm
normalises the intervals by the statistics of the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fitness.bounds.interval import Interval, IntervalArithmetic, Last, enclosed, scaled
from fitness.bounds.layers import Affine, Monotone, Norm, rule_of


@dataclass(frozen=True, eq=False)
class Paired:
    """Values (N, ...) and an interval (M, ...), which need not hold them."""

    value: Tensor
    interval: Interval


class PairedArithmetic(IntervalArithmetic):
    """Both of a pair, differentiable in the parameters; ``rectified`` are the intervals before every ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.rectified: list[Interval] = []

    def layer(self, module: nn.Module, x: Any) -> Paired:
        """A module that has a rule."""
        rule = self.rule(module, x)
        if type(module) is nn.ReLU:
            if not any(x.interval is one for one in self.rectified):
                self.rectified.append(x.interval)
            return Paired(rule.apply(x.value), enclosed(rule, x.interval))  # not in place
        found = Paired(module(x.value), enclosed(rule, x.interval))
        if type(module) is nn.Linear:
            self.last = Last(module.weight, module.bias, x.interval, found.interval)
        return found

    def rule(self, module: nn.Module, x: Any) -> Affine | Monotone:
        if type(module) is nn.BatchNorm2d and module.training:
            variance, mean = torch.var_mean(x.value, (0, 2, 3), correction=0)
            return Norm(module, x.interval.centre, (mean, variance))
        return rule_of(module)(module, x.interval.centre)

    def add(self, terms: Sequence[Any]) -> Paired:
        value = terms[0].value
        for term in terms[1:]:
            value = value + term.value
        return Paired(value, super().add([term.interval for term in terms]))

    def weighted(self, terms: Sequence[Any], weights: Sequence[Any]) -> Paired:
        pairs = [
            Paired(term.value * weight, scaled(term.interval, weight))
            for term, weight in zip(terms, weights, strict=True)
        ]
        return self.add(pairs)

    def concatenate(self, parts: Sequence[Any]) -> Paired:
        value = torch.cat([part.value for part in parts], 1)
        return Paired(value, super().concatenate([part.interval for part in parts]))
