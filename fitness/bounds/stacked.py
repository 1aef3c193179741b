"""Intervals for a GPU, where a call costs as much as a small layer: centre and radius in one tensor.

One convolution computes both, its filters those of the layer and their magnitudes, with the BatchNorm that
follows it. Bounds are as sound as those of `fitness.bounds.interval`, and differ from them by rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fitness.bounds.filters import UNIT, Layer, filters_of
from fitness.bounds.interval import Interval, IntervalArithmetic
from spaces.arithmetic import Block, Selection


@dataclass(frozen=True, eq=False)
class Stacked:
    """Centres and radii (N, 2 C, H, W)."""

    both: Tensor

    @property
    def interval(self) -> Interval:
        """The same, as two tensors (N, C, H, W)."""
        return Interval(*self.both.chunk(2, 1))


class StackedArithmetic(IntervalArithmetic):
    """`IntervalArithmetic` with fewer calls and without gradients, for any number of passes of one network.

    Layers that it does not know get and return an `Interval`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.filters = filters_of(network)

    def apply(self, module: nn.Module, x: Any) -> Any:
        if isinstance(module, Block):
            return module(x, self)
        if isinstance(module, nn.Sequential):
            return self._sequence(list(module), x)
        return self._sequence([module], x)

    def _sequence(self, modules: Sequence[nn.Module], x: Any) -> Any:
        given, covered = x, False
        following: list[nn.Module | None] = [*modules, None, None]
        i = 0
        while i < len(modules):
            module, *after = following[i : i + 3]
            i += 1
            image = isinstance(x, Stacked) or (isinstance(x, Interval) and x.centre.dim() == 4)
            if isinstance(module, (nn.Sequential, Block)):
                x = given = self.apply(module, x)
            elif (found := self.filters.layer(module, after[0])) is not None:
                i += found.with_norm
                x = self._convolved(found, _stacked(x), covered, fresh=x is not given)
            elif type(module) is nn.ReLU and image:
                layer = self.filters.layer(*after)
                x, covered = self._rectified(_stacked(x), layer.slack if layer else None), layer is not None
                continue
            elif type(module) is nn.MaxPool2d and image:
                self.rule(module, _interval(x))  # refuses what has no bounds
                x = self._largest(module, _stacked(x))
            elif isinstance(module, Selection) and image:
                halves = _stacked(x).both.unflatten(1, (2, -1)).flatten(0, 1)  # (2 N, C, H, W)
                x = given = Stacked(module(halves).unflatten(0, (-1, 2)).flatten(1, 2))
            elif type(module) is not nn.Identity:
                assert module is not None
                x = given = self.layer(module, _interval(x))
            covered = False
        return x

    def _convolved(self, layer: Layer, x: Stacked, covered: bool, fresh: bool) -> Stacked:
        """``covered``: the rounding of the layer is in the radius of its input; ``fresh``: that may be changed."""
        both = x.both
        centre, radius = both.chunk(2, 1)
        if not covered and fresh:
            radius.add_(centre.abs(), alpha=layer.slack)
        elif not covered:
            both = torch.cat([centre, torch.add(radius, centre.abs(), alpha=layer.slack)], 1)
        return Stacked(layer(both))

    def _rectified(self, x: Stacked, slack: float | None) -> Stacked:
        """max(x, 0), whose size is its upper end: the matrix adds the rounding of the next layer."""
        ends = _mixed(self.filters.ends, x.both).clamp_(min=0)
        return Stacked(_mixed(self.filters.rectified[slack], ends))

    def _largest(self, module: nn.Module, x: Stacked) -> Stacked:
        found = _mixed(self.filters.middle, module(_mixed(self.filters.ends, x.both)))
        centre, radius = found.chunk(2, 1)
        radius.mul_(1 + 8 * UNIT).add_(centre.abs(), alpha=8 * UNIT)
        return Stacked(found)

    def add(self, terms: Sequence[Any]) -> Any:
        terms = [_stacked(term) for term in terms]
        if len(terms) == 1:
            return terms[0]
        slack = 2 * len(terms) * UNIT
        if len(terms) == 2:  # one rounding, in proportion to the sum
            both = terms[0].both + terms[1].both
            size = both.chunk(2, 1)[0].abs()
        else:
            every = torch.stack([term.both for term in terms])
            both, size = every.sum(0), every.chunk(2, 2)[0].abs().sum(0)
        both.chunk(2, 1)[1].mul_(1 + slack).add_(size, alpha=2 * slack)
        return Stacked(both)

    def weighted(self, terms: Sequence[Any], weights: Sequence[Any]) -> Any:
        return super().weighted([_interval(term) for term in terms], weights)

    def concatenate(self, parts: Sequence[Any]) -> Any:
        centres, radii = zip(*(_stacked(part).both.chunk(2, 1) for part in parts), strict=True)
        return Stacked(torch.cat([*centres, *radii], 1))


def _stacked(x: Stacked | Interval) -> Stacked:
    return x if isinstance(x, Stacked) else Stacked(torch.cat([x.centre, x.radius], 1))


def _interval(x: Stacked | Interval) -> Interval:
    return x.interval if isinstance(x, Stacked) else x


def _mixed(matrix: Tensor, both: Tensor) -> Tensor:
    """A matrix (2, 2) times the two halves of (N, 2 C, H, W)."""
    halves = both.contiguous().view(len(both), 2, -1)
    return torch.bmm(matrix.expand(len(both), 2, 2), halves).view(both.shape)
