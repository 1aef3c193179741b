"""The edges of one wave and stride, forwards and backwards."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from fitness.population import kernels
from fitness.population.blocks import Around, Halving, Product
from fitness.population.kernels import relu_backward_
from fitness.population.plan import Place, PlacedCell
from fitness.population.waves import CONVOLUTIONS, Bundle, Group


class Depthwise(NamedTuple):
    """One depthwise convolution of the edges ``rows`` of a bundle."""

    rows: slice
    place: Place
    stride: int
    dilation: int


class Rooms(NamedTuple):
    """Where the separable convolutions of a bundle write, (edges, C, N, H, W) each."""

    before: Tensor  # the first products read it; of the edges that have two repeats
    between: Tensor  # their outputs
    after: Tensor  # the last products read it
    indices: Tensor  # of the maxima, (edges, C N, H, W)


class JointBundle:
    """Edges in the order of their operations: separable convolutions, reductions, pools; the skips are left out.

    Convolutions of two repeats come before those of one, so that the first products are of neighbours as well.
    """

    def __init__(self, bundle: Bundle, cell: PlacedCell, around: Around) -> None:
        self.around, self.stride = around, bundle.stride
        groups = {group.operation: group for group in bundle.groups}
        convolutions = [group for group in bundle.groups if group.operation in CONVOLUTIONS]
        twice = [group for group in convolutions if CONVOLUTIONS[group.operation].repeats == 2]
        once = convolutions[len(twice) :]
        self.first = [_depthwise(group, 0, bundle.stride, cell) for group in twice]
        self.second = [_depthwise(group, 2, 1, cell) for group in twice]
        self.once = [_depthwise(group, 0, bundle.stride, cell) for group in once]
        self.twice, self.convolutions = (group[-1].stop if group else 0 for group in (twice, convolutions))
        self.products = [
            Product(around, _joined([cell.place(group.layers[layer]) for group in of]))
            for of, layer in ((twice, 1), (convolutions, -1))
            if of
        ]
        self.halved, self.averaged, self.maxed = (
            None if group is None else slice(group.start, group.stop)
            for group in map(groups.get, ("halve", "avg_pool_3x3", "max_pool_3x3"))
        )
        if self.halved is not None:
            self.halving = Halving(around, *(cell.place(rows) for rows in groups["halve"].layers))
        self.kept: Any = None

    def edges(self) -> tuple[int, int, int]:
        """How many have two repeats, how many are separable convolutions, and how many max pools."""
        maxed = 0 if self.maxed is None else self.maxed.stop - self.maxed.start
        return self.twice, self.convolutions, maxed

    def forward(self, x: Tensor, y: Tensor, rooms: Rooms) -> None:
        """From what was read, ``x`` (edges, C, N, H, W), to ``y`` (edges, C, N, H', W')."""
        relued = self.convolutions if self.halved is None else self.halved.stop
        if relued and not self.around.form.nonnegative:
            x[:relued].relu_()
        if self.convolutions:
            self._convolve(x, y[: self.convolutions], rooms)
        if self.halved is not None:
            self.halving.forward(x[self.halved], y[self.halved])
        if self.averaged is not None:
            kernels.average_pool(x[self.averaged], self.stride, y[self.averaged])
        if self.maxed is not None:
            kernels.max_pool_into(x[self.maxed], self.stride, y[self.maxed], rooms.indices)
        self.kept = (x, rooms) if self.around.keep else None

    def _convolve(self, x: Tensor, y: Tensor, rooms: Rooms) -> None:
        if self.twice:
            self._depthwise(self.first, x, rooms.before)
            self.products[0].forward(rooms.before, rooms.between)
            if not self.around.form.nonnegative:
                rooms.between.relu_()
            self._depthwise(self.second, rooms.between, rooms.after)
        self._depthwise(self.once, x, rooms.after)
        self.products[-1].forward(rooms.after, y)

    def _depthwise(self, layers: list[Depthwise], x: Tensor, y: Tensor) -> None:
        for rows, place, _, _ in layers:
            self.around.observer.relu(x[rows], place)
        for rows, place, stride, dilation in layers:
            filters = self.around.parameters.filters(place, x.shape[2])
            kernels.depthwise_into(x[rows], filters, stride, dilation, y[rows])

    def backward(self, g: Tensor, out: Tensor) -> None:
        """Write the gradients for what was read to ``out`` (edges, C, N, H, W), given those of the outputs."""
        (x, rooms), self.kept = self.kept, None
        if self.maxed is not None:
            kernels.max_pool_backward(g[self.maxed], x[self.maxed], self.stride, rooms.indices, out[self.maxed])
        if self.averaged is not None:
            kernels.average_pool_backward(g[self.averaged], x.shape[-1], self.stride, out[self.averaged])
        if self.halved is not None:
            out[self.halved].copy_(self.halving.backward(g[self.halved]))
        if self.convolutions:
            self._convolve_backward(g[: self.convolutions], x[: self.convolutions], rooms, out)

    def _convolve_backward(self, g: Tensor, x: Tensor, rooms: Rooms, out: Tensor) -> None:
        g = self.products[-1].backward(g)
        self._depthwise_backward(self.once, g, x, rooms.after, out)
        if self.twice:
            parts = [self._gradient(layer, g, rooms.between, rooms.after) for layer in self.second]
            g_between = relu_backward_(torch.cat(parts) if len(parts) > 1 else parts[0], rooms.between)
            self._depthwise_backward(self.first, self.products[0].backward(g_between), x, rooms.before, out)
        relu_backward_(out[: self.convolutions], x)

    def _depthwise_backward(self, layers: list[Depthwise], g: Tensor, x: Tensor, y: Tensor, out: Tensor) -> None:
        """`_gradient` into ``out``; at stride 1 it is a convolution of ``g``, which can be written there."""
        images = x.shape[2]
        for layer in layers:
            rows, place, stride, dilation = layer
            gx = self._gradient(layer, g, x, y, only_filters=stride == 1)
            if gx is None:
                turned = self.around.parameters.turned(place, images)
                kernels.depthwise_into(g[rows], turned, 1, dilation, out[rows])
            else:
                out[rows].copy_(gx)

    def _gradient(self, layer: Depthwise, g: Tensor, x: Tensor, y: Tensor, *, only_filters: bool = False) -> Any:
        """The gradient for what ``layer`` read of ``x``, None if ``only_filters``; keeps that of its filters."""
        rows, place, stride, dilation = layer
        self.around.observer.output(y[rows], g[rows], place)
        filters = self.around.parameters.filters(place, x.shape[2])
        gx, gradient = kernels.depthwise_backward(
            g[rows], x[rows], filters, stride, dilation, only_filters=only_filters
        )
        self.around.parameters.keep(place, gradient)
        return gx


def _depthwise(group: Group, layer: int, stride: int, cell: PlacedCell) -> Depthwise:
    dilation = CONVOLUTIONS[group.operation].dilation
    return Depthwise(slice(group.start, group.stop), cell.place(group.layers[layer]), stride, dilation)


def _joined(places: list[Place]) -> Place:
    """Neighbours as one."""
    ends = [place.rows.stop for place in places[:-1]]
    assert ends == [place.rows.start for place in places[1:]]
    return Place(places[0].stack, slice(places[0].rows.start, places[-1].rows.stop))
