"""Bounds of the Jacobian norms of the cells of a network at given images, differentiable in its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fitness.bounds.layers import Affine, Norm, rule_of
from spaces.arithmetic import Arithmetic, Block

CELL = "cells."  # begins the names of the stages that are cells


@dataclass(frozen=True, eq=False)
class Sloped:
    """Values (N, ...) and, of each, a bound of the sum of its absolute derivatives by the inputs of its stage."""

    value: Tensor
    slope: Tensor


class SlopeArithmetic(Arithmetic):
    """Every stage begins with slopes of 1; ``norms`` are the bounds of |J|_inf of each cell, (N,) each.

    By the triangle inequality a layer L x + b has the slopes |L| s, a sum those of its terms, ReLU those of the
    inputs above 0, and max pooling the largest of a window. BatchNorm in training mode counts as the affine map
    with the statistics of the batch.
    """

    def __init__(self) -> None:
        self.norms: list[Tensor] = []

    def apply(self, module: nn.Module, x: Any) -> Sloped:
        x = x if isinstance(x, Sloped) else Sloped(x, torch.ones_like(x))
        if isinstance(module, Block):
            return module(x, self)
        if isinstance(module, nn.Sequential):
            for child in module:
                x = self.apply(child, x)
            return x
        if type(module) is nn.ReLU:
            return Sloped(x.value.clamp(min=0), x.slope * (x.value > 0))
        if type(module) is nn.BatchNorm2d and module.training:
            variance, mean = torch.var_mean(x.value, (0, 2, 3), correction=0)
            rule: Any = Norm(module, x.value, (mean, variance))
        else:
            rule = rule_of(module)(module, x.value)
        slope = rule.magnitude(x.slope) if isinstance(rule, Affine) else rule.apply(x.slope)
        return Sloped(module(x.value), slope)

    def add(self, terms: Sequence[Sloped]) -> Sloped:
        return Sloped(super().add([one.value for one in terms]), super().add([one.slope for one in terms]))

    def weighted(self, terms: Sequence[Sloped], weights: Sequence[Any]) -> Sloped:
        pairs = zip(terms, weights, strict=True)
        return self.add([Sloped(one.value * weight, one.slope * weight) for one, weight in pairs])

    def concatenate(self, parts: Sequence[Sloped]) -> Sloped:
        values, slopes = ([getattr(one, name) for one in parts] for name in ("value", "slope"))
        return Sloped(super().concatenate(values), super().concatenate(slopes))

    def stage(self, name: str, x: Sloped) -> Sloped:
        if name.startswith(CELL):
            self.norms.append(x.slope.flatten(1).amax(1))
        return Sloped(x.value, torch.ones_like(x.slope))


def cell_norms(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N, classes) of images (N, 3, H, W), and upper bounds of |J_k|_inf at each image, (N, cells).

    J_k is the Jacobian of the output of cell k by its two inputs; |J|_inf = max_i sum_j |J_ij|.
    """
    arithmetic = SlopeArithmetic()
    output = network(images, arithmetic)
    return output.value, torch.stack(arithmetic.norms, 1)
