"""One cell of all networks of a population on a GPU, forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from fitness.population.blocks import Around
from fitness.population.cell import CellPass, StageOutput
from fitness.population.joint.bags import sums_of
from fitness.population.joint.bundle import JointBundle, Rooms
from fitness.population.joint.index import JointIndex
from fitness.population.plan import PlacedCell


class JointCellPass(CellPass):
    """One pass through one cell; `backward` follows `forward` once."""

    def __init__(self, cell: PlacedCell, index: JointIndex, around: Around) -> None:
        super().__init__(cell, index.rows, around)
        self.numbers, self.growth = index.numbers, index.growth
        self.bundles = [
            [JointBundle(bundle, cell, around) for bundle in wave.bundles] for wave in cell.waves.waves
        ]

    def forward(self, outputs: list[StageOutput]) -> tuple[Tensor, Any]:
        waves, numbers, cell = self.cell.waves, self.numbers, self.cell
        like = outputs[0].positive
        shape = cell.channels, like.shape[2], cell.side, cell.side
        rows = like.new_empty(numbers.outputs, *shape)
        sides = (cell.side_in, cell.side_in)
        inputs = (
            like.new_empty(waves.input_rows, *shape[:2], *sides) if waves.reduction else rows[: waves.input_rows]
        )
        logs = [log for _, log in self._preprocess(outputs, inputs)]
        self.factors = self.around.form.factors(
            inputs, lambda: torch.cat(logs), self.growth, numbers, len(waves.networks)
        )
        factors = None if self.factors is None else self.factors.entries
        rooms = self._rooms(rows)
        for own, bundles in zip(numbers.waves, self.bundles, strict=True):
            for bundle, of in zip(bundles, own.bundles, strict=True):
                y = rows[of.outputs]
                if not len(y):
                    continue
                if waves.reduction and bundle.stride == 2:
                    x = inputs.index_select(0, of.reads.rows)
                else:
                    x = sums_of(rows, of.reads, factors)
                bundle.forward(x, y, next(rooms))
        value = sums_of(rows, numbers.output, factors)
        log = None if self.factors is None else self.factors.log
        return value.view(len(waves.networks), -1, *shape[1:]), log

    def _rooms(self, like: Tensor) -> Iterator[Rooms]:
        """For every bundle that computes something, in tensors that all of them share."""
        bundles = [
            bundle
            for own, of in zip(self.bundles, self.numbers.waves, strict=True)
            for bundle, rows in zip(own, of.bundles, strict=True)
            if rows.outputs.start < rows.outputs.stop
        ]
        twice, every, maxed = ([bundle.edges()[kind] for bundle in bundles] for kind in range(3))
        before, between, after = (
            like.new_empty(sum(edges), *like.shape[1:]).split(edges) for edges in (twice, twice, every)
        )
        shape = like.shape[1] * like.shape[2], *like.shape[3:]
        indices = torch.empty(sum(maxed), *shape, dtype=torch.int64, device=like.device).split(maxed)
        return map(Rooms, before, between, after, indices)

    def backward(self, output: StageOutput, outputs: list[StageOutput]) -> None:
        g = output.gradient
        assert g is not None
        waves, numbers, cell = self.cell.waves, self.numbers, self.cell
        shape = cell.channels, g.shape[2]
        pool = g.new_empty(numbers.pools[0], *shape, cell.side, cell.side)
        outer = g.new_empty(numbers.pools[1], *shape, cell.side_in, cell.side_in) if waves.reduction else pool
        pool[: numbers.parts].copy_(g.view(numbers.parts, *pool.shape[1:]))
        factors = None if self.factors is None else self.factors.entries
        for own in reversed(numbers.waves):
            bundles, begin = self.bundles.pop(), 0
            if not len(own.gradients.begins):
                continue
            g_edges = sums_of(pool, own.gradients, factors)
            for bundle, of in zip(bundles, own.bundles, strict=True):
                out = (outer if bundle.stride == 2 else pool)[of.gradients]
                if len(out):
                    bundle.backward(g_edges[begin : begin + len(out)], out)
                begin += len(out)
        self._preprocess_backward(sums_of(outer, numbers.inputs, factors), outputs)
