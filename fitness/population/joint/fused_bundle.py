"""The edges of one wave and stride, with one launch for all operations that are not products."""

from __future__ import annotations

from torch import Tensor

from fitness.population import kernels
from fitness.population.blocks import Around
from fitness.population.joint import launches
from fitness.population.joint.bags import Bag
from fitness.population.joint.launches import Edges, Given, Read
from fitness.population.joint.numbers import skips_from
from fitness.population.joint.room import Room
from fitness.population.kernels import flat
from fitness.population.plan import Place, PlacedCell
from fitness.population.waves import CONVOLUTIONS, Bundle

Shape = tuple[int, ...]
NOTHING = Place(0, slice(0, 0))  # for kinds of convolutions that a wave lacks


class FusedBundle:
    """Edges in the order of their operations; the skips are left out.

    ``first`` and ``last`` are the rows of its 1x1 convolutions among those of the cell: of the first of two
    repeats, and of all separable convolutions.
    """

    def __init__(self, bundle: Bundle, cell: PlacedCell, around: Around) -> None:
        self.around, self.stride = around, bundle.stride
        groups = {group.operation: group for group in bundle.groups}
        ends, end = [], 0
        for name in (*CONVOLUTIONS, "halve", "avg_pool_3x3"):
            end = groups[name].stop if name in groups else end
            ends.append(end)
        kinds, twice, separable = (ends[0], ends[1], ends[2], ends[3]), ends[2], ends[4]
        self.edges = Edges(kinds, twice, separable, ends[5], ends[6], skips_from(bundle))
        self.again = Edges((*kinds[:3], twice), *[twice] * 5)  # the second of two repeats
        self.filters = [
            [
                cell.place(groups[name].layers[layer]) if name in groups and layer < 2 * own.repeats else NOTHING
                for name, own in CONVOLUTIONS.items()
            ]
            for layer in (0, 2)
        ]
        self.halves = [cell.place(rows) for rows in groups["halve"].layers] if "halve" in groups else []
        self.pointwise = cell.base.get("pointwise", NOTHING)
        rows = [groups[name].layers[-1] for name in CONVOLUTIONS if name in groups]
        self.last = slice(rows[0].start, rows[-1].stop) if rows else slice(0, 0)
        self.first = slice(self.last.start - twice, self.last.start)

    def shapes(self, shape: Shape, side_in: int) -> list[Shape]:
        """Of what is kept, except what products read; outputs are ``shape`` (C, N, H', W')."""
        edges, before = self.edges, (*shape[:2], side_in, side_in) if self.stride == 2 else shape
        halves = edges.halved - edges.separable
        kept = [edges.twice, halves, halves, edges.every - edges.averaged]
        return [(edges.separable, *before), *((rows, *shape) for rows in kept)]

    def keep(self, room: Room, shapes: list[Shape], products: Tensor) -> None:
        """Take ``shapes`` from ``room``; ``products`` (rows, C, N, H', W') are what all of the cell read."""
        self.x, self.between, *self.chosen = (room.take(*shape) for shape in shapes)
        self.before, self.after = products[self.first], products[self.last]

    def forward(self, x: Tensor, reads: Bag, factors: Tensor, y: Tensor, rest: Tensor) -> None:
        """From the rows of ``x`` (rows, C, N, H, W) that it ``reads`` to ``y`` (edges, C, N, H', W').

        ``rest`` (numbers,) is for what is read and not kept.
        """
        edges, twice, nothing = self.edges, self.edges.twice, y[:0]
        others = Room(rest).take(edges.every - edges.separable, *x.shape[1:])
        launches.sums_into(x, reads, factors, self.x, others)
        read, pooled = Read(self.x, others, *self.chosen), y[edges.halved :]
        launches.forward(edges, read, self.before, self.after[twice:], pooled, self._weights(0), self.stride)
        if twice:
            kernels.product(self._pointwise(self.first), flat(self.before), flat(self.between))
            again = Read(self.between, nothing, *self.chosen)
            launches.forward(self.again, again, self.after[:twice], nothing, nothing, self._weights(1), 1)
        if edges.separable:
            kernels.product(self._pointwise(self.last), flat(self.after), flat(y[: edges.separable]))
        if self.halves:
            for place, pixels, own in zip(
                self.halves, self.chosen, y[edges.separable : edges.halved].chunk(2, 1), strict=False
            ):
                kernels.product(self.around.parameters.of(place), flat(pixels), flat(own))

    def backward(self, g_between: Tensor, g: Tensor, rest: Tensor, out: Tensor) -> None:
        """Write the gradients for what was read to ``out`` (edges, C, N, H, W), and to ``g_between``.

        Given are those of the outputs of convolutions, ``g``, and of the other edges, ``rest``; ``g_between`` are
        those of the outputs of the first of two repeats, (edges, C, N, H', W') all.
        """
        edges, twice, nothing = self.edges, self.edges.twice, rest[:0]
        first = g_after = even = odd = nothing
        if edges.separable:
            g_after = self._product_backward(self.last, g)
        if twice:
            given, read = Given(g_after[:twice], *[nothing] * 4), Read(self.between, nothing, *self.chosen)
            launches.backward(self.again, given, read, g_between, self._weights(1), self._gradients(1), 1)
            first = self._product_backward(self.first, g_between)
        if self.halves:
            parameters, pairs = self.around.parameters, rest[: edges.halved - edges.separable].chunk(2, 1)
            even, odd = (
                kernels.pointwise_backward(own, pixels, parameters.of(place), parameters.gradient(place))
                for place, pixels, own in zip(self.halves, self.chosen, pairs, strict=False)
            )
        given = Given(first, g_after[twice:], even, odd, rest[edges.halved - edges.separable :])
        read = Read(self.x, nothing, *self.chosen)
        launches.backward(edges, given, read, out, self._weights(0), self._gradients(0), self.stride)

    def _product_backward(self, rows: slice, g: Tensor) -> Tensor:
        return kernels.product(self._pointwise(rows).mT, flat(g)).view(g.shape)

    def _pointwise(self, rows: slice) -> Tensor:
        return self.around.parameters.of(self.pointwise)[rows]

    def _weights(self, repeat: int) -> list[Tensor]:
        return list(map(self.around.parameters.of, self.filters[repeat]))

    def _gradients(self, repeat: int) -> list[Tensor]:
        return list(map(self.around.parameters.gradient, self.filters[repeat]))
