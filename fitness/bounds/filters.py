"""The filters of `fitness.bounds.stacked`: of all convolutions of a network, those of one shape together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitness.norm import ExactBatchNorm2d
from spaces.skeleton.blocks import StridedPointwise

UNIT = torch.finfo(torch.float64).eps
CONVOLUTIONS = (nn.Conv2d, StridedPointwise)
NORMS = (nn.BatchNorm2d, ExactBatchNorm2d)
Pair = tuple[nn.Conv2d, nn.BatchNorm2d | None]


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution of centres and radii, (N, 2 C, H, W) -> (N, 2 C', H', W')."""

    weight: Tensor  # (2 C', C/groups, k, k)
    bias: Tensor | None  # (2 C',)
    numbers: tuple[Any, ...]
    slack: float  # what rounding adds to the radius of the input, a part of its magnitude
    with_norm: bool

    def __call__(self, both: Tensor) -> Tensor:
        """(N, 2 C, H, W)."""
        return F.conv2d(both, self.weight, self.bias, *self.numbers)


@dataclass(frozen=True, eq=False)
class Filters:
    """What all passes of a network read; the matrices (2, 2) turn centre and radius into both ends, and back.

    ``rectified`` has one for each slack of the layer that follows, None for no such layer.
    """

    layers: dict[Pair, Layer]
    ends: Tensor
    middle: Tensor
    rectified: dict[float | None, Tensor]

    def layer(self, module: nn.Module | None, after: nn.Module | None) -> Layer | None:
        """That of ``module``, with ``after`` if that is a BatchNorm; None if there is none."""
        with_norm = self.layers.get((module, after))  # type: ignore[arg-type]
        return with_norm or self.layers.get((module, None))  # type: ignore[arg-type]


def filters_of(network: nn.Module) -> Filters:
    """Of a network in eval mode and float64, whose weights stay as they are."""
    groups: dict[object, list[Pair]] = {}
    for pair in _pairs(network):
        convolution, norm = pair
        kind = None if norm is None else (norm.eps, norm.weight is not None)
        groups.setdefault((convolution.weight.shape, kind), []).append(pair)
    layers = {pair: layer for group in groups.values() for pair, layer in zip(group, _layers(group), strict=True)}
    slacks = [None, *sorted({layer.slack for layer in layers.values()})]
    # after max(x, 0) the size of both ends is at most the upper one
    back = [[[0.5, 0.5], [-0.5, 0.5 + 8 * UNIT + 2 * (slack or 0)]] for slack in slacks]
    like = next(network.parameters())
    both, middle, *rest = torch.tensor(
        [[[1, -1], [1, 1]], [[0.5, 0.5], [-0.5, 0.5]], *back], dtype=like.dtype, device=like.device
    ).unbind()
    return Filters(layers, both, middle, dict(zip(slacks, rest, strict=True)))


def _pairs(network: nn.Module) -> list[Pair]:
    """Convolutions without bias, each with the BatchNorm that follows it in a Sequential."""
    after: dict[nn.Module, nn.Module] = {}
    for sequence in network.modules():
        if type(sequence) is nn.Sequential:
            after |= dict(zip(sequence, list(sequence)[1:], strict=False))
    found: list[Pair] = []
    for module in network.modules():
        if not isinstance(module, nn.Conv2d) or type(module) not in CONVOLUTIONS:
            continue
        if module.bias is None and module.padding_mode == "zeros" and not isinstance(module.padding, str):
            norm = after.get(module)
            known = isinstance(norm, nn.BatchNorm2d) and type(norm) in NORMS and norm.running_mean is not None
            found.append((module, norm if known else None))  # type: ignore[arg-type]
    return found


def _layers(group: list[Pair]) -> list[Layer]:
    """Of convolutions of one shape, all with a BatchNorm or none."""
    weight = torch.stack([convolution.weight for convolution, _ in group])  # (M, C', C/groups, k, k)
    slack, with_norm = (weight[0, 0].numel() + 8) * UNIT, group[0][1] is not None
    bias: Tensor | None = None
    if with_norm:
        slack += 16 * UNIT  # of the BatchNorm's numbers and of their products with the weights
        scale, shift, size = _affine([norm for _, norm in group if norm is not None])
        weight = weight * scale[:, :, None, None, None]
        bias = torch.cat([shift, size * slack], 1)
    both = torch.cat([weight, weight.abs() * (1 + 4 * slack)], 1)
    biases = [None] * len(group) if bias is None else list(bias.unbind())
    return [
        Layer(w, b, (c.stride, c.padding, c.dilation, 2 * c.groups), slack, with_norm)
        for (c, _), w, b in zip(group, both.unbind(), biases, strict=True)
    ]


def _affine(norms: list[nn.BatchNorm2d]) -> tuple[Tensor, Tensor, Tensor]:
    """gamma / sqrt(variance + eps), beta - mean times that, and what bounds its size, (M, C)."""
    mean, variance = (
        torch.stack([getattr(norm, name) for norm in norms]) for name in ("running_mean", "running_var")
    )
    scale = (variance + norms[0].eps).rsqrt()
    if norms[0].weight is None:
        shift = mean * scale
        return scale, -shift, shift.abs()
    scale = scale * torch.stack([norm.weight for norm in norms])
    shift, beta = mean * scale, torch.stack([norm.bias for norm in norms])
    return scale, beta - shift, beta.abs() + shift.abs()
