"""Blocks of ReLU, convolutions and what follows them, for many rows at once, forwards and backwards.

A block is given what has passed its ReLU, keeps what its backward needs, and gives it up there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from fitness.population import kernels
from fitness.population.forms import Form
from fitness.population.kernels import flat, relu_backward_
from fitness.population.plan import Place


class Parameters:
    """The stacked weights of a pass, and room for their gradients if it has a backward."""

    def __init__(self, stacks: list[Tensor], gradients: list[Tensor] | None) -> None:
        self._stacks, self._gradients = stacks, gradients
        self._filters: dict[int, Tensor] = {}
        self._turned: dict[int, Tensor] = {}
        self._by_image: dict[int, list[tuple[int, Tensor]]] = {}

    def of(self, place: Place) -> Tensor:
        """The weights of the layers at ``place``, (rows, out, fan)."""
        return self._stacks[place.stack][place.rows]

    def stack(self, place: Place) -> Tensor:
        """The weights of all layers of the stack of ``place``, (rows, out, fan)."""
        return self._stacks[place.stack]

    def gradient(self, place: Place) -> Tensor:
        """Where the gradients of the layers at ``place`` are written, (rows, out, fan)."""
        assert self._gradients is not None
        return self._gradients[place.stack][place.rows]

    def filters(self, place: Place, images: int) -> Tensor:
        """Those of depthwise layers once for each image, (rows, C, N, k k); expanded once for all layers."""
        if place.stack not in self._filters:
            self._filters[place.stack] = kernels.per_image(self._stacks[place.stack], images)
        return self._filters[place.stack][place.rows]

    def turned(self, place: Place, images: int) -> Tensor:
        """`filters` (rows, C, N, k k), turned by half a circle: what a gradient is convolved with."""
        if place.stack not in self._turned:
            self.filters(place, images)
            self._turned[place.stack] = self._filters[place.stack].flip(3)
        return self._turned[place.stack][place.rows]

    def keep(self, place: Place, gradients: Tensor) -> None:
        """The gradients of depthwise layers for each image, (rows, C, N, k k); `add_images` adds them up."""
        self._by_image.setdefault(place.stack, []).append((place.rows.start, gradients))

    def add_images(self) -> None:
        """Write the gradients of the layers whose gradients were kept by image; all of a stack must have been."""
        assert self._gradients is not None
        self._filters.clear()
        self._turned.clear()
        while self._by_image:
            stack, found = self._by_image.popitem()
            rows = [gradients for _, gradients in sorted(found, key=lambda one: one[0])]
            torch.sum(torch.cat(rows), dim=2, out=self._gradients[stack])


class Observer:
    """Observes a pass; this class ignores it."""

    def stage(self, number: int, value: Tensor) -> None:
        """The output (networks, C, N, H, W) of a stage of the plan, or the pooled vectors (networks, C, N)."""

    def relu(self, x: Tensor, place: Place) -> None:
        """``x`` (rows, C, N, H, W) has passed the ReLU in front of the layers at ``place``."""

    def output(self, y: Tensor, g: Tensor, place: Place) -> None:
        """The layers at ``place`` returned ``y`` (rows, C, N, H, W) with gradient ``g``; called backwards."""


class Around(NamedTuple):
    """What all blocks of a pass share."""

    parameters: Parameters
    form: Form
    observer: Observer
    keep: bool  # whether there is a backward


class Block:
    """What stands behind one ReLU."""

    stride = 1

    def __init__(self, around: Around) -> None:
        self.around = around
        self.kept: Any = None

    def forward(self, x: Tensor, out: Tensor) -> None:
        """``x`` (rows, C_in, N, H, W), which has passed the ReLU, to ``out`` (rows, C_out, N, H', W')."""
        room = self.around.form.room(out)
        kept = self.convolve(x, room)
        finished = self.around.form.finish(room, out)
        y = None if room is out else room  # `out` belongs to a wave and would hold all of it
        self.kept = (*kept, y, finished) if self.around.keep else None

    def backward(self, g: Tensor) -> Tensor:
        """The gradient for what entered the ReLU, given that of ``out``, both (rows, C, N, H, W)."""
        (*kept, y, finished), self.kept = self.kept, None
        return self.convolve_backward(self.around.form.finish_backward(g, finished), y, *kept)

    def convolve(self, x: Tensor, y: Tensor) -> tuple[Any, ...]:
        """The convolutions of ``x`` (rows, C, N, H, W) into ``y``; returns what `convolve_backward` needs."""
        raise NotImplementedError

    def convolve_backward(self, g: Tensor, y: Tensor | None, *kept: Any) -> Tensor:
        """The gradient (rows, C, N, H, W) for what entered the ReLU, given that of ``y``, None if not needed."""
        raise NotImplementedError

    def _product(self, x: Tensor, place: Place, y: Tensor) -> None:
        kernels.product(self.around.parameters.of(place), flat(x), flat(y))

    def _product_backward(self, g: Tensor, x: Tensor, place: Place, y: Tensor | None) -> Tensor:
        parameters = self.around.parameters
        if y is not None:
            self.around.observer.output(y, g, place)
        return kernels.pointwise_backward(g, x, parameters.of(place), parameters.gradient(place))


class Pointwise(Block):
    """A 1x1 convolution."""

    def __init__(self, around: Around, place: Place) -> None:
        super().__init__(around)
        self.place = place

    def convolve(self, x: Tensor, y: Tensor) -> tuple[Any, ...]:
        self.around.observer.relu(x, self.place)
        self._product(x, self.place, y)
        return (x,)

    def convolve_backward(self, g: Tensor, y: Tensor | None, *kept: Any) -> Tensor:
        (x,) = kept
        return relu_backward_(self._product_backward(g, x, self.place, y), x)


class Product(Block):
    """A 1x1 convolution without a ReLU in front of it."""

    def __init__(self, around: Around, place: Place) -> None:
        super().__init__(around)
        self.place = place

    def convolve(self, x: Tensor, y: Tensor) -> tuple[Any, ...]:
        self._product(x, self.place, y)
        return (x,)

    def convolve_backward(self, g: Tensor, y: Tensor | None, *kept: Any) -> Tensor:
        (x,) = kept
        return self._product_backward(g, x, self.place, y)


class Halving(Block):
    """A factorised reduction: two 1x1 convolutions of stride 2, each with half of the outputs."""

    stride = 2

    def __init__(self, around: Around, first: Place, second: Place) -> None:
        super().__init__(around)
        self.first, self.second = first, second

    def convolve(self, x: Tensor, y: Tensor) -> tuple[Any, ...]:
        self.around.observer.relu(x, self.first)
        even, odd = kernels.halves(x)
        half = y.shape[1] // 2
        self._product(even, self.first, y[:, :half])
        self._product(odd, self.second, y[:, half:])
        return even, odd, x.shape[-1]

    def convolve_backward(self, g: Tensor, y: Tensor | None, *kept: Any) -> Tensor:
        even, odd, side = kept
        half = g.shape[1] // 2
        y_even, y_odd = (None, None) if y is None else (y[:, :half], y[:, half:])
        g_even = self._product_backward(g[:, :half], even, self.first, y_even)
        g_odd = self._product_backward(g[:, half:], odd, self.second, y_odd)
        return kernels.halves_backward(relu_backward_(g_even, even), relu_backward_(g_odd, odd), side)


class Separable(Block):
    """A depthwise and a 1x1 convolution."""

    def __init__(self, around: Around, depthwise: Place, pointwise: Place, stride: int, dilation: int) -> None:
        super().__init__(around)
        self.depthwise, self.pointwise, self.stride, self.dilation = depthwise, pointwise, stride, dilation

    def convolve(self, x: Tensor, y: Tensor) -> tuple[Any, ...]:
        self.around.observer.relu(x, self.depthwise)
        filters = self.around.parameters.filters(self.depthwise, x.shape[2])
        between = kernels.depthwise(x, filters, self.stride, self.dilation)
        self._product(between, self.pointwise, y)
        return x, between

    def convolve_backward(self, g: Tensor, y: Tensor | None, *kept: Any) -> Tensor:
        x, between = kept
        g = self._product_backward(g, between, self.pointwise, y)
        self.around.observer.output(between, g, self.depthwise)
        parameters = self.around.parameters
        filters = parameters.filters(self.depthwise, x.shape[2])
        gx, gradient = kernels.depthwise_backward(g, x, filters, self.stride, self.dilation)
        torch.sum(gradient, dim=2, out=parameters.gradient(self.depthwise))
        assert gx is not None
        return relu_backward_(gx, x)
