"""What flows through the tape: tensors with a scale and a gradient, and two kinds of tensors not yet computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Value:
    """The tensor x * 2**exponent, (H, W, N, C) or (N, C), and the gradient it is given on the way back."""

    __slots__ = ("exponent", "fresh", "gradient", "nonnegative", "owned", "rectified", "wanted", "x")

    def __init__(self, x: Tensor, exponent: int, nonnegative: bool = False, *, wanted: bool = True) -> None:
        self.x = x
        self.exponent = exponent
        self.nonnegative = nonnegative  # known to hold no negative entry
        self.wanted = wanted  # whether its gradient is needed
        self.fresh = True  # no step needs x on the way back, so the next one may overwrite it
        self.gradient: Tensor | None = None
        self.owned = False  # whether the gradient's memory belongs to this value alone
        self.rectified: Value | None = None  # relu(x), computed once for all edges

    def give(self, gradient: Tensor, owned: bool) -> None:
        """Add to the gradient, of any shape; memory that is ``owned`` may be written into later."""
        if self.gradient is None:
            self.gradient, self.owned = gradient, owned
        elif self.owned:
            self.gradient.add_(gradient)
        else:
            self.gradient, self.owned = gradient.add_(self.gradient) if owned else self.gradient + gradient, True

    def own_gradient(self) -> Tensor:
        """The gradient so far, of any shape, zeros at first, in memory of its own: for adding to parts of it."""
        if self.gradient is None:
            self.gradient = torch.zeros_like(self.x)
        elif not self.owned:
            self.gradient = self.gradient.clone()
        self.owned = True
        return self.gradient


class Joined(NamedTuple):
    """A concatenation along the channels that was not carried out."""

    parts: Sequence[Value]


class Shifted(NamedTuple):
    """Parts of which the first row and column are to be left out."""

    parts: Sequence[Value]


class Term(NamedTuple):
    """One summand: a value, or what a 1x1 convolution makes of it with some columns of its weight.

    The convolution is not carried out: the sum does so in place.
    """

    value: Value
    module: nn.Conv2d | None = None
    columns: slice = slice(None)


def common(values: Sequence[Value], least: int | None = None) -> tuple[int, list[float]]:
    """The largest exponent, at least ``least``, and the factors <= 1 that bring ``values`` to it."""
    exponent = max(value.exponent for value in values)
    exponent = exponent if least is None else max(exponent, least)
    return exponent, [math.ldexp(1, value.exponent - exponent) for value in values]


def rows(x: Tensor) -> Tensor:
    """(H, W, N, C) -> (H W N, C): what a 1x1 convolution multiplies."""
    return x.view(-1, x.shape[-1])
