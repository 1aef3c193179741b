"""One cell of all networks of a population without BatchNorm, most of it by kernels of Triton."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from fitness.population import kernels
from fitness.population.blocks import Around, Block, Pointwise
from fitness.population.cell import CellPass, StageOutput
from fitness.population.forms import PlainForm
from fitness.population.joint import launches
from fitness.population.joint.bags import sums_of
from fitness.population.joint.fused_bundle import FusedBundle
from fitness.population.joint.index import JointIndex
from fitness.population.joint.room import Room
from fitness.population.kernels import flat, relu_backward
from fitness.population.plan import Place, PlacedCell


class FusedCellPass(CellPass):
    """`joint.cell.JointCellPass` in fewer launches; `backward` follows `forward` once.

    The gradients of all 1x1 convolutions are one product, so what these read, and the gradients of what they
    return, lie in the order of their weights. Observers of layers see nothing.
    """

    def __init__(self, cell: PlacedCell, index: JointIndex, around: Around) -> None:
        super().__init__(cell, index.rows, around)
        self.numbers, self.growth = index.numbers, index.growth
        self.scratch, self.totals = index.scratch, index.totals
        assert isinstance(around.form, PlainForm)
        self.form = around.form
        self.bundles = [
            [FusedBundle(bundle, cell, around) for bundle in wave.bundles] for wave in cell.waves.waves
        ]
        edges = [bundle.edges for wave in self.bundles for bundle in wave]
        self.rest = max((own.every - own.separable for own in edges), default=0)  # what others read at once
        self.products = len(cell.waves.layers.get("pointwise", ()))
        self.read: Tensor  # by 1x1 convolutions, (products, C, N, H, W); after `forward`
        self.factors: Tensor  # (entries of all bags,)

    def forward(self, outputs: list[StageOutput]) -> tuple[Tensor, Any]:
        waves, numbers, cell = self.cell.waves, self.numbers, self.cell
        like, images = outputs[0].positive, outputs[0].positive.shape[2]
        shape, before = (
            (cell.channels, images, cell.side, cell.side),
            (cell.channels, images, cell.side_in, cell.side_in),
        )
        shapes = [(waves.input_rows if waves.reduction else 0, *before), (numbers.outputs, *shape)]
        shapes.append((self.rest, *before))
        scratch = self.scratch.room(like, shapes)
        inputs, rows, rest = (scratch.take(*own) for own in shapes)
        if not waves.reduction:
            inputs = rows[: waves.input_rows]
        logs = [log for _, log in self._preprocess(outputs, inputs)]
        self.factors, log = self.form.again(lambda: self._measured(inputs, logs))
        self._make_room(like, shape)
        for own, bundles in zip(numbers.waves, self.bundles, strict=True):
            for bundle, of in zip(bundles, own.bundles, strict=True):
                if bundle.edges.every:
                    x = inputs if waves.reduction and bundle.stride == 2 else rows
                    bundle.forward(x, of.reads, self.factors, rows[of.outputs], rest.flatten())
        value = sums_of(rows, numbers.output, self.factors)
        return value.view(len(waves.networks), -1, *shape[1:]), log

    def _measured(self, inputs: Tensor, logs: list[Tensor]) -> tuple[Tensor, Tensor]:
        """`factors.measured`, whose divisors are in the factors of inputs."""
        entries, networks = self.form.rooms(inputs, self.totals)
        factors = entries.take(len(self.numbers.factors[0]))
        log = networks.take(len(self.cell.waves.networks))
        launches.scales(kernels.largest(inputs.flatten(1), (1,)), logs, self.numbers, self.growth, factors, log)
        return factors, log

    def _make_room(self, like: Tensor, shape: tuple[int, ...]) -> None:
        """For what the backward needs, in one tensor."""
        bundles = [bundle for wave in self.bundles for bundle in wave]
        shapes = [bundle.shapes(shape, self.cell.side_in) for bundle in bundles]
        products = (self.products, *shape)
        numbers = sum(math.prod(own) for of in ([products], *shapes) for own in of)
        room = Room(like.new_empty(numbers))
        self.read = room.take(*products)
        for bundle, of in zip(bundles, shapes, strict=True):
            bundle.keep(room, of, self.read)

    def backward(self, output: StageOutput, outputs: list[StageOutput]) -> None:
        waves, numbers, cell, g = self.cell.waves, self.numbers, self.cell, output.gradient
        assert g is not None
        shape, side = (cell.channels, g.shape[2], cell.side, cell.side), cell.side_in
        shapes = [(numbers.pools[0], *shape), (numbers.pools[1], *shape[:2], side, side)]
        shapes += [(self.products, *shape), (self.rest, *shape)]
        scratch = self.scratch.room(g, shapes)
        pool, outer, products, rest = (scratch.take(*own) for own in shapes)
        parts = (numbers.parts, *shape)
        if output.before_relu:
            pool[: numbers.parts].copy_(g.view(parts))
        else:
            relu_backward(g.view(parts), output.positive.view(parts), pool[: numbers.parts])
        for own in reversed(numbers.waves):
            begin = 0
            for bundle, of in zip(self.bundles.pop(), own.bundles, strict=True):
                out = (outer if waves.reduction and bundle.stride == 2 else pool)[of.gradients]
                if len(out):
                    last, others = products[bundle.last], rest[: len(out) - bundle.edges.separable]
                    launches.sums_into(pool, own.gradients, self.factors, last, others, first=begin)
                    bundle.backward(products[bundle.first], last, others, out)
                begin += len(out)
        if self.products:
            gradient = self.around.parameters.gradient(cell.base["pointwise"])
            kernels.product(flat(products), flat(self.read).mT, gradient)
        del self.read
        inputs = outer if waves.reduction else pool
        self._preprocess_backward(sums_of(inputs, numbers.inputs, self.factors), outputs)

    def _hand_on(self, g: Tensor, block: Block, stage: StageOutput, rows: Tensor | None) -> None:
        """The same with gradients behind the ReLU of a stage: adding them up is part of a product."""
        if isinstance(block, Pointwise) and rows is None:
            self._add_product(g, block.place, stage)
            block.kept = None
        else:
            super()._hand_on(g, block, stage, rows)
        stage.before_relu = False

    def _add_product(self, g: Tensor, place: Place, stage: StageOutput) -> None:
        parameters, x = self.around.parameters, stage.positive
        weight = parameters.of(place).mT
        kernels.product(flat(g), flat(x).mT, parameters.gradient(place))
        if stage.gradient is None:
            stage.gradient = kernels.product(weight, flat(g)).view(x.shape)
        else:
            total = flat(stage.gradient)
            torch.baddbmm(total, weight, flat(g), out=total)
