"""Cells as a CPU runs them: every operation of a wave apart, in an order that keeps the bits of stored scores."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from fitness.population.blocks import Around
from fitness.population.cell import CellPass, StageOutput
from fitness.population.kernels import accumulate
from fitness.population.parts import Part, part
from fitness.population.plan import PlacedCell, Plan, indices
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


class ApartIndex(NamedTuple):
    """The numbers of a placed cell."""

    cell: CellIndex
    rows: list[Tensor | None]  # of the stages that the inputs read


def apart_cells(plan: Plan, device: str) -> list[ApartIndex | None]:
    """The numbers of all cells of ``plan``."""
    known: dict[int, CellIndex] = {}  # cells of one kind share their waves
    found: list[ApartIndex | None] = []
    for cell in plan.cells:
        if cell is None:
            found.append(None)
            continue
        if id(cell.waves) not in known:
            known[id(cell.waves)] = cell_index(cell.waves, device)
        rows = [None if source.rows is None else indices([source.rows], device)[0] for source in cell.inputs]
        found.append(ApartIndex(known[id(cell.waves)], rows))
    return found


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


class ApartCellPass(CellPass):
    """One pass through one cell; `backward` follows `forward` once."""

    def __init__(self, cell: PlacedCell, index: ApartIndex, around: Around) -> None:
        super().__init__(cell, index.rows, around)
        self.index = index.cell
        self.parts: list[list[tuple[Part, slice, int]]] = []

    def forward(self, outputs: list[StageOutput]) -> tuple[Tensor, Any]:
        waves = self.cell.waves
        states, inputs, nodes = self._room(outputs[0].positive)
        nodes[-1] = 0
        self.scales = self.around.form.scales(waves.input_rows + waves.nodes + 1, nodes.device)
        for here, log in self._preprocess(outputs, inputs):
            self.scales.input_(here, inputs[here], log)
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

    def backward(self, output: StageOutput, outputs: list[StageOutput]) -> None:
        g = output.gradient
        assert g is not None
        waves = self.cell.waves
        states, inputs, nodes = self._room(outputs[0].positive)
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
        self._preprocess_backward(inputs, outputs, self.scales.input_backward_)
