"""Linear bounds of the layers that are not linear: ReLU and max pooling.

Sources: Zhang et al., "Efficient Neural Network Robustness Certification with General Activation Functions",
NeurIPS 2018 (CROWN: the adaptive lower slope of ReLU); the bounds of max pooling are derived in `max_pool`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

Window = int | tuple[int, int]


class Relaxation(ABC):
    """Linear bounds D x + d <= f(x) <= U x + u for inputs in a box."""

    @abstractmethod
    def backward(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """Rows B and constants t with B x + t <= a f(x) in the box, for rows ``a`` (K, N, ...).

        B (K, N, ...) as the input of f; t as ``a``, to be summed over all but the first two dimensions.
        """


class Slopes(Relaxation):
    """Bounds of a function of one number: a x <= f(x) <= b x + t, each (N, ...)."""

    def __init__(self, lower: Tensor, upper: Tensor, intercept: Tensor) -> None:
        self.lower, self.upper, self.intercept = lower, upper, intercept

    def backward(self, a: Tensor) -> tuple[Tensor, Tensor]:
        negative = a.clamp(max=0)
        return (a - negative) * self.lower + negative * self.upper, negative * self.intercept


def relu(low: Tensor, high: Tensor) -> Slopes:
    """max(x, 0) for x in [l, u]: x or 0 where the sign is known; else s x <= y <= u (x - l) / (u - l).

    The lower slope s is 1 if u > -l, else 0: the one with the smaller area between the bounds.
    """
    open_ = (low < 0) & (high > 0)
    on = (low >= 0).to(low.dtype)
    upper = torch.where(open_, high / (high - low).where(open_, 1), on)
    lower = torch.where(open_, (high > -low).to(low.dtype), on)
    return Slopes(lower, upper, torch.where(open_, -upper * low, 0))


class Windows(Relaxation):
    """Bounds of a maximum over windows: x_j <= y <= sum_i s_i x_i + t, with j and s_i (k, N, C, H', W')."""

    def __init__(
        self,
        weights: tuple[Tensor, Tensor, Tensor],
        shape: torch.Size,
        places: list[tuple[slice, slice]],
        padding: tuple[int, int],
    ) -> None:
        self.chosen, self.upper, self.intercept = weights
        self.shape, self.places, self.padding = shape, places, padding

    def backward(self, a: Tensor) -> tuple[Tensor, Tensor]:
        negative = a.clamp(max=0)
        positive = a - negative
        (top, left), (height, width) = self.padding, self.shape[-2:]
        sides = (*a.shape[:2], self.shape[1], height + 2 * top, width + 2 * left)
        found = torch.zeros(sides, dtype=a.dtype, device=a.device)
        for index, (rows, columns) in enumerate(self.places):
            found[..., rows, columns] += positive * (self.chosen == index) + negative * self.upper[index]
        return found[..., top : top + height, left : left + width], negative * self.intercept


def max_pool(
    low: Tensor, high: Tensor, kernel: Window, stride: Window, padding: Window, dilation: Window
) -> Windows:
    """y = max_i x_i over each window, for l_i <= x_i <= u_i; (N, C, H, W).

    Below: x_j with the largest l_j. Above, with m = max_i l_i: y <= m + sum_i (x_i - m)+, where
    (x_i - m)+ has the upper bound of a ReLU: s_i (x_i - l_i), s_i = (u_i - m)+ / (u_i - l_i). Or the constant
    max_i u_i, where that is smaller at the centre of the box. One input above all others is passed on exactly.
    """
    places = _places(low.shape, kernel, stride, padding, dilation)
    below, above = _windows(low, places, padding), _windows(high, places, padding)
    threshold, chosen = below.max(0)
    ceiling = above.amax(0)
    wide = above > below
    rise = (above - threshold).clamp(min=0)  # of (x_i - m)+
    width = (above - below).where(wide, 1)
    point = (torch.arange(len(places), device=low.device).view(-1, 1, 1, 1, 1) == chosen) & ~wide  # x_j = m
    slopes = torch.where(wide, rise / width, point.to(low.dtype))
    sloped = threshold + rise.sum(0) / 2 < ceiling
    slopes = slopes * sloped
    start = torch.where(slopes > 0, slopes * below.where(slopes > 0, 0), 0).sum(0)
    intercept = torch.where(sloped, threshold - start, ceiling)
    return Windows((chosen, slopes, intercept), low.shape, places, _pair(padding))


def max_pool_slope(
    x: Tensor, direction: Tensor, kernel: Window, stride: Window, padding: Window, dilation: Window
) -> Tensor:
    """The derivative at ``x`` (N, C, H, W) of the maxima of windows: of all largest inputs, the fastest."""
    places = _places(x.shape, kernel, stride, padding, dilation)
    inputs = _windows(x, places, padding)
    return _windows(direction, places, padding).where(inputs == inputs.amax(0), -torch.inf).amax(0)


def _places(
    shape: torch.Size, kernel: Window, stride: Window, padding: Window, dilation: Window
) -> list[tuple[slice, slice]]:
    """Rows and columns of the padded input that are the first of every window, the second, and so on."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(_pair, (kernel, stride, padding, dilation))
    rows, columns = (shape[-2] + 2 * ph - dh * (kh - 1) - 1) // sh, (shape[-1] + 2 * pw - dw * (kw - 1) - 1) // sw
    return [
        (slice(y, y + sh * rows + 1, sh), slice(x, x + sw * columns + 1, sw))
        for y in range(0, dh * kh, dh)
        for x in range(0, dw * kw, dw)
    ]


def _windows(x: Tensor, places: list[tuple[slice, slice]], padding: Window) -> Tensor:
    """The inputs of every window, (k, N, C, H', W'), padding as minus infinity."""
    top, left = _pair(padding)
    padded = F.pad(x, (left, left, top, top), value=-torch.inf)
    return torch.stack([padded[..., rows, columns] for rows, columns in places])


def _pair(value: Window) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value
