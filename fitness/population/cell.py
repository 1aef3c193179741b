"""One cell of all networks of a population, forwards and backwards."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from fitness.population.blocks import Around, Block, Halving, Pointwise
from fitness.population.kernels import accumulate
from fitness.population.parts import Part, part
from fitness.population.plan import PlacedCell, indices
from fitness.population.waves import Waves


class WaveIndex(NamedTuple):
    """A wave's numbers as tensors."""

    sources: Tensor  # (edges,) states
    node_of_edge: Tensor  # (edges,)
    edges_of_node: Tensor  # (nodes, 2)
    bundles: list[list[Tensor]]  # the rows that each group of each bundle reads


class CellIndex(NamedTuple):
    """The numbers of one kind of cell as tensors."""

    waves: list[WaveIndex]
    concat: Tensor  # (networks x width,) nodes, counted from the first
    concat_states: Tensor  # (networks, width) states


def cell_index(waves: Waves, device: str) -> CellIndex:
    """``waves`` on ``device``, in one transfer."""
    lists: list[list[int]] = [[node for row in waves.concat for node in row]]
    lists.append([waves.input_rows + node for node in lists[0]])
    for wave in waves.waves:
        lists += [wave.sources, wave.node_of_edge, [edge for pair in wave.edges_of_node for edge in pair]]
        lists += [b.sources[g.start : g.stop] for b in wave.bundles for g in b.groups]
    tensors = iter(indices(lists, device))
    concat, concat_states = next(tensors), next(tensors).view(len(waves.networks), waves.width)
    found = []
    for wave in waves.waves:
        sources, node_of_edge, pairs = next(tensors), next(tensors), next(tensors).view(-1, 2)
        bundles = [[next(tensors) for _ in bundle.groups] for bundle in wave.bundles]
        found.append(WaveIndex(sources, node_of_edge, pairs, bundles))
    return CellIndex(found, concat, concat_states)


class StageOutput:
    """The output of a stage: values (networks, C, N, H, W), their log-scales, and later their gradient."""

    def __init__(self, value: Tensor, log: Any, nonnegative: bool) -> None:
        self.value, self.log = value, log
        self.positive = value if nonnegative else value.relu()
        self.gradient: Tensor | None = None

    def add_gradient(self, g: Tensor, rows: Tensor | None) -> None:
        """Add ``g`` (networks, C, N, H, W) to the gradient, for all networks or for those at ``rows``."""
        if self.gradient is None:
            if rows is None:
                self.gradient = g
                return
            self.gradient = torch.zeros_like(self.value)
        if rows is None:
            self.gradient += g
        else:
            accumulate(self.gradient, rows, g)


class CellPass:
    """One pass through one cell; `backward` follows `forward` once."""

    def __init__(self, cell: PlacedCell, index: CellIndex, around: Around) -> None:
        self.cell, self.index, self.around = cell, index, around
        self.input_rows = [
            None if source.rows is None else indices([source.rows], str(index.concat.device))[0]
            for source in cell.inputs
        ]
        self.blocks: list[Block | None] = [_preprocessing(cell, i, around) for i in (0, 1)]
        self.parts: list[list[tuple[Part, slice, int]]] = []

    def _room(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(states, inputs, nodes): without a reduction, the last two are views of the first."""
        waves, cell = self.cell.waves, self.cell
        shape = (cell.channels, like.shape[2])
        side_in, side = (cell.side_in,) * 2, (cell.side,) * 2
        nodes = waves.nodes + 1  # and the row of zeros
        if waves.reduction:
            return like, like.new_empty(waves.input_rows, *shape, *side_in), like.new_empty(nodes, *shape, *side)
        states = like.new_empty(waves.input_rows + nodes, *shape, *side)
        return states, states[: waves.input_rows], states[waves.input_rows :]

    def forward(self, outputs: list[StageOutput]) -> tuple[Tensor, Any]:
        """The output (networks, C, N, H, W) and its log-scales, read from the ``outputs`` of all stages before."""
        waves = self.cell.waves
        states, inputs, nodes = self._room(outputs[0].value)
        nodes[-1] = 0
        self.scales = self.around.form.scales(waves.input_rows + waves.nodes + 1, nodes.device)
        begin = 0
        for source, rows, block in zip(self.cell.inputs, self.input_rows, self.blocks, strict=True):
            if block is None:
                continue
            read = outputs[source.stage]
            count = len(read.value) if rows is None else len(rows)
            out = inputs[begin : begin + count]
            block.forward(read.positive if rows is None else read.positive.index_select(0, rows), out)
            log = read.log if rows is None or read.log is None else read.log[rows]
            self.scales.input_(slice(begin, begin + count), out, log)
            begin += count
        for wave, index in zip(waves.waves, self.index.waves, strict=True):
            y = nodes.new_empty((len(wave.sources), *nodes.shape[1:]))
            parts = []
            for bundle, rows_of_groups in zip(wave.bundles, index.bundles, strict=True):
                read_from = self._read_from(bundle.stride, states, inputs, nodes)
                for group, rows in zip(bundle.groups, rows_of_groups, strict=True):
                    here = slice(bundle.start + group.start, bundle.start + group.stop)
                    one = part(group, bundle.stride, self.cell, rows, self.around)
                    one.forward(read_from, y[here])
                    parts.append((one, here, bundle.stride))
            self.parts.append(parts)
            self.scales.edges_(y, index.sources, index.edges_of_node, index.node_of_edge)
            new = nodes[wave.start - waves.input_rows : wave.stop - waves.input_rows]
            torch.index_select(y, 0, index.edges_of_node[:, 0], out=new)
            new += y.index_select(0, index.edges_of_node[:, 1])
            self.scales.nodes_(slice(wave.start, wave.stop), new)
        parts_of_output = nodes.index_select(0, self.index.concat).view(len(waves.networks), waves.width, -1)
        log = self.scales.output_(parts_of_output, self.index.concat_states)
        return parts_of_output.view(len(waves.networks), -1, *nodes.shape[2:]), log

    def _read_from(self, stride: int, states: Tensor, inputs: Tensor, nodes: Tensor) -> Tensor:
        if not self.cell.waves.reduction:
            return states
        return inputs if stride == 2 else nodes

    def backward(self, g: Tensor, outputs: list[StageOutput]) -> None:
        """Add the gradients for what was read to ``outputs``, given that of the output (networks, C, N, H, W)."""
        waves = self.cell.waves
        states, inputs, nodes = self._room(outputs[0].value)
        for room in (inputs, nodes):
            room.zero_()
        g = g.contiguous().view(len(waves.networks), waves.width, -1)
        self.scales.output_backward_(g)
        accumulate(nodes, self.index.concat, g.view(-1, *nodes.shape[1:]))
        for wave, index in zip(reversed(waves.waves), reversed(self.index.waves), strict=True):
            new = nodes[wave.start - waves.input_rows : wave.stop - waves.input_rows]
            g_edges = new.index_select(0, index.node_of_edge)
            self.scales.wave_backward_(g_edges)
            for one, here, stride in reversed(self.parts.pop()):
                accumulate(
                    self._read_from(stride, states, inputs, nodes), one.sources, one.backward(g_edges[here])
                )
        begin = waves.input_rows
        for source, rows, block in zip(
            reversed(self.cell.inputs), reversed(self.input_rows), reversed(self.blocks), strict=True
        ):
            if block is None:
                continue
            count = len(outputs[source.stage].value) if rows is None else len(rows)
            g_input = inputs[begin - count : begin]
            self.scales.input_backward_(g_input)
            outputs[source.stage].add_gradient(block.backward(g_input), rows)
            begin -= count


def _preprocessing(cell: PlacedCell, i: int, around: Around) -> Block | None:
    """None where no network uses the input."""
    if not cell.waves.inputs[i]:
        return None
    places = cell.inputs[i].weights
    return Halving(around, *places) if cell.inputs[i].halve else Pointwise(around, *places)
