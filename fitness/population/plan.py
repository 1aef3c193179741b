"""How a population of DARTS networks is laid out: which layers lie next to each other, and what reads what.

Everything here is integers, made once for a population and used by all of its passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from fitness.population.waves import OPERATIONS, Cell, Rows, Waves, layers_of, operation_of, waves
from spaces import NetworkSize, Space
from spaces.darts import Genotype
from spaces.darts.closed_form import live_cells
from spaces.skeleton.layers import reductions, stems


@dataclass
class Stack:
    """Layers of one shape, a row each; ``fan`` counts inputs with their padding, ``fans`` without."""

    out: int
    fan: int
    network: list[int] = field(default_factory=list)
    number: list[int] = field(default_factory=list)  # among the layers of its network, in the order of its modules
    stage: list[int] = field(default_factory=list)
    fans: list[int] = field(default_factory=list)

    def add(self, stage: int, rows: Iterable[tuple[int, int, int]]) -> slice:
        """Append layers (network, number, inputs without padding) of one stage; returns their rows."""
        start = len(self.network)
        for network, number, fan in rows:
            self.network.append(network)
            self.number.append(number)
            self.fans.append(fan)
        self.stage += [stage] * (len(self.network) - start)
        return slice(start, len(self.network))

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.network), self.out, self.fan


class Place(NamedTuple):
    """Rows of a stack."""

    stack: int
    rows: slice


@dataclass(frozen=True)
class Input:
    """One preprocessed input of a cell in all networks that use it."""

    stage: int  # whose output is read
    halve: bool
    weights: tuple[Place, ...]  # one convolution, or the two of a factorised reduction; none if unused
    rows: list[int] | None  # of that stage's networks; None for all of them in their order


@dataclass(frozen=True)
class PlacedCell:
    """A cell, the shapes in it, and where its layers are."""

    waves: Waves
    channels: int
    side_in: int  # of state 1 and, preprocessed, of state 0
    side: int  # of the nodes
    inputs: tuple[Input, Input]
    base: dict[str, Place]  # where the layers of a role begin
    widths: tuple[int, ...]  # channels of each network's output, without padding

    def place(self, rows: Rows) -> Place:
        stack, begin = self.base[rows.role]
        return Place(stack, slice(begin.start + rows.start, begin.start + rows.stop))


@dataclass(frozen=True)
class Stage:
    """The output of a stem or of a cell: a row for each network that has it live."""

    networks: list[int]
    channels: int  # with padding
    widths: tuple[int, ...]  # without
    side: int


@dataclass(frozen=True)
class Plan:
    """A population. Its stages are the stems and then the cells; the pooled vector has the number after them."""

    genotypes: tuple[Genotype, ...]
    size: NetworkSize
    stacks: tuple[Stack, ...]
    stem: tuple[Place, ...]  # the live layers of all stems
    cells: tuple[PlacedCell | None, ...]  # None where no network has it live
    stages: tuple[Stage, ...]
    classifier: Place
    layers: tuple[int, ...]  # how many each network has, dead ones counted

    @property
    def networks(self) -> int:
        return len(self.genotypes)

    @property
    def stems(self) -> int:
        """How many stages come before that of the first cell."""
        return len(self.stages) - len(self.cells)


def supported(genotype: Genotype, space: Space) -> bool:
    """Whether a population can hold ``genotype`` of ``space``: separable convolutions, pooling and skips."""
    return space.has_shared_passes and all(
        operation in OPERATIONS for operation, _ in (*genotype.normal, *genotype.reduce)
    )


def plan(genotypes: Sequence[Genotype], size: NetworkSize) -> Plan:
    """The plan of ``genotypes``, all `supported`, at ``size``."""
    return _Planner(genotypes, size).plan()


class _Planner:
    def __init__(self, genotypes: Sequence[Genotype], size: NetworkSize) -> None:
        self.genotypes, self.size = tuple(genotypes), size
        self.all = list(range(len(genotypes)))
        self.stacks: list[Stack] = []
        self.stack_of: dict[tuple[str, int, int], int] = {}
        self.live = [live_cells(genotype, size) for genotype in genotypes]
        self.kinds: dict[tuple[object, ...], Waves] = {}
        self.stems = stems(size)
        first = sum(len(stem.layers) for stem in self.stems)
        self.numbers = [first] * len(genotypes)  # of each network's next layer
        self.edge_layers = [
            [sum(1 for _ in roles(g, reduction)) for reduction in (False, True)] for g in self.genotypes
        ]

    def _add(self, role: str, shape: tuple[int, int], stage: int, rows: Iterable[tuple[int, int, int]]) -> Place:
        """Layers (network, number, inputs without padding) that are (out, inputs with padding) each."""
        key = (role if role.startswith("depthwise") else "dense", *shape)
        if key not in self.stack_of:
            self.stack_of[key] = len(self.stacks)
            self.stacks.append(Stack(*shape))
        index = self.stack_of[key]
        return Place(index, self.stacks[index].add(stage, rows))

    def plan(self) -> Plan:
        size = self.size
        stem, stages = self._stems()
        channels, side = size.channels, stages[-1].side
        cells: list[PlacedCell | None] = []
        reduction_prev = len(stages) > 1
        for i in range(size.layers):
            reduction = i in reductions(size.layers)
            channels *= 2 if reduction else 1
            cell, stage = self._cell(i, reduction, reduction_prev, channels, side, stages)
            cells.append(cell)
            stages.append(stage)
            side, reduction_prev = stage.side, reduction
        shape = size.classes, stages[-1].channels
        rows = zip(self.all, self.numbers, stages[-1].widths, strict=True)
        classifier = self._add("classifier", shape, len(stages), rows)
        layers = tuple(number + 1 for number in self.numbers)
        return Plan(
            self.genotypes, size, tuple(self.stacks), stem, tuple(cells), tuple(stages), classifier, layers
        )

    def _stems(self) -> tuple[tuple[Place, ...], list[Stage]]:
        places: list[Place] = []
        stages: list[Stage] = []
        number = 0
        for i, (channels, side, layers) in enumerate(self.stems):
            networks = [network for network in self.all if self.live[network][0][i]]
            for layer in layers if networks else ():
                rows = [(network, number, layer.fan) for network in networks]
                places.append(self._add("stem", (layer.out, layer.fan), i, rows))
                number += 1
            stages.append(Stage(networks, channels, (channels,) * len(networks), side))
        return tuple(places), stages

    def _cell(
        self, i: int, reduction: bool, reduction_prev: bool, channels: int, side: int, stages: list[Stage]
    ) -> tuple[PlacedCell | None, Stage]:
        side_out = -(-side // 2) if reduction else side
        kind = self._kind(i, reduction)
        before = 2 if reduction_prev else 1  # layers of the preprocessing of state 0
        placed, number = None, i + len(self.stems)
        stage = Stage([], channels, (), side_out)
        if kind is not None:
            numbers = [number + before + 1 for number in self.numbers]  # of the first layer on an edge
            inputs = (
                self._input(kind.inputs[0], max(number - 2, 0), reduction_prev, 0, channels, number, stages),
                self._input(kind.inputs[1], number - 1, False, before, channels, number, stages),
            )
            base = {}
            for role, layers in kind.layers.items():
                shape = layer_shape(role, channels)
                rows = ((network, numbers[network] + layer, shape[1]) for network, layer in layers)
                base[role] = self._add(role, shape, number, rows)
            widths = tuple(width * channels for width in kind.widths)
            placed = PlacedCell(kind, channels, side, side_out, inputs, base, widths)
            stage = Stage(kind.networks, kind.width * channels, widths, side_out)
        for network in self.all:
            self.numbers[network] += before + 1 + self.edge_layers[network][reduction]
        return placed, stage

    def _kind(self, i: int, reduction: bool) -> Waves | None:
        """Cells of one kind and one liveness share their waves."""
        insides = {k: inside[i] for k, (live, inside) in enumerate(self.live) if live[i + len(self.stems)]}
        key = (reduction, *insides.items())
        if key not in self.kinds and insides:
            cells = {}
            for k, live in insides.items():
                genotype = self.genotypes[k]
                cells[k] = (
                    Cell(genotype.reduce, genotype.reduce_concat, live)
                    if reduction
                    else Cell(genotype.normal, genotype.normal_concat, live)
                )
            self.kinds[key] = waves(cells, reduction)
        return self.kinds.get(key)

    def _input(
        self,
        networks: list[int],
        source: int,
        halve: bool,
        number: int,
        channels: int,
        stage: int,
        stages: list[Stage],
    ) -> Input:
        read = stages[source]
        row_of = {network: row for row, network in enumerate(read.networks)}
        rows = [row_of[network] for network in networks]
        width_of = dict(zip(read.networks, read.widths, strict=True))
        places = []
        for part, out in enumerate((halves(channels) if halve else (channels,)) if networks else ()):
            own = ((network, self.numbers[network] + number + part, width_of[network]) for network in networks)
            places.append(self._add("input", (out, read.channels), stage, own))
        return Input(source, halve, tuple(places), None if rows == list(range(len(read.networks))) else rows)


def halves(channels: int) -> tuple[int, int]:
    """The outputs of both convolutions of a factorised reduction; odd where the first cell follows two stems."""
    return channels // 2, channels - channels // 2


def roles(genotype: Genotype, reduction: bool) -> Iterator[str]:
    """The roles of the layers on the edges of a cell, in the order of its modules."""
    for name, state in genotype.reduce if reduction else genotype.normal:
        yield from layers_of(operation_of(name, 2 if reduction and state < 2 else 1))


def layer_shape(role: str, channels: int) -> tuple[int, int]:
    """(outputs, inputs of one output) of a layer on an edge."""
    if role.startswith("depthwise"):
        return channels, int(role.removeprefix("depthwise")) ** 2
    return channels // 2 if role == "halve" else channels, channels


def layer_shapes(genotype: Genotype, size: NetworkSize) -> list[tuple[int, int]]:
    """(outputs, inputs of one output) of every layer, dead ones too, in the order of the network's modules."""
    channels, before = size.channels, stems(size)
    c_prev_prev, c_prev, reduction_prev = before[0].channels, before[-1].channels, len(before) > 1
    shapes = [(layer.out, layer.fan) for stem in before for layer in stem.layers]
    for i in range(size.layers):
        reduction = i in reductions(size.layers)
        channels *= 2 if reduction else 1
        shapes += [(out, c_prev_prev) for out in (halves(channels) if reduction_prev else (channels,))]
        shapes.append((channels, c_prev))
        shapes += [layer_shape(role, channels) for role in roles(genotype, reduction)]
        concat = genotype.reduce_concat if reduction else genotype.normal_concat
        c_prev_prev, c_prev, reduction_prev = c_prev, len(concat) * channels, reduction
    return [*shapes, (size.classes, c_prev)]


def indices(lists: Sequence[Sequence[int]], device: str) -> list[Tensor]:
    """Index tensors, (n,) each, on ``device`` in one transfer."""
    return numbers(lists, device, torch.int64)


def numbers(lists: Sequence[Sequence[float]], device: str, dtype: torch.dtype) -> list[Tensor]:
    """Tensors (n,) of ``dtype`` on ``device`` in one transfer, for which the host does not wait."""
    flat = torch.tensor([i for part in lists for i in part], dtype=dtype)
    if device.startswith("cuda"):
        flat = flat.pin_memory()
    return list(flat.to(device, non_blocking=True).split([len(part) for part in lists]))
