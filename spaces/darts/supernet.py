"""The supernet of the DARTS space, and the genotype that its architecture parameters derive.

Source: Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, and its released code:
BatchNorm in cells has no parameters, and one follows every pooling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial as bound
from typing import Any

import torch
from torch import Tensor, nn

from spaces.darts.genotype import NODES, SEARCHED, Edge, Genotype
from spaces.darts.operations import BUILD
from spaces.errors import UsageError
from spaces.initialise import built
from spaces.size import NetworkSize
from spaces.skeleton.network import Cell, CellPlace, SkeletonNetwork
from spaces.supernet import Mixed, Supernet

NONE = "none"
MIXED = (NONE, *SEARCHED)
EDGES = [(state, 2 + node) for node in range(NODES) for state in range(2 + node)]
INTO = [2 + node for node in range(NODES)]  # edges into each node
CONCAT = tuple(range(2, 2 + NODES))
CELLS = ("normal", "reduce")


def supernet(
    size: NetworkSize, generator: torch.Generator, partial: int = 1, edge_weights: bool = False
) -> Supernet:
    """The supernet with C channels, 1/``partial`` of which take part; ``edge_weights``: edges compete, too.

    Raises `UsageError` for fewer than 3 layers, and for channels and images that do not divide.
    """
    if size.layers < 3:
        raise UsageError(f"a supernet needs at least 3 layers to have both cells, not {size.layers}")
    if partial > 1:
        if size.channels % partial or size.channels < 2 * partial:
            raise UsageError(f"{size.channels} channels cannot be divided by {partial} into parts of at least 2")
        if size.image_size % 4:
            raise UsageError(f"partial channels need images whose side is a multiple of 4, not {size.image_size}")
    network = built(lambda: SkeletonNetwork(size, True, bound(_cell, partial=partial)), generator)
    return DartsSupernet(network, generator, dict.fromkeys(CELLS, INTO) if edge_weights else None)


def _cell(_: int, place: CellPlace, partial: int) -> Cell:
    kind = CELLS[place.reduction]

    def mixed(edge: int, stride: int) -> Mixed:
        operations = [_operation(name, place.channels // partial, stride) for name in MIXED]
        return Mixed(kind, edge, operations, place.channels, stride, partial)

    return Cell(place, EDGES, mixed, CONCAT, norm=True, affine=False)


def _operation(name: str, channels: int, stride: int) -> nn.Module:
    """An operation whose BatchNorm has no parameters; pooling is followed by one."""
    operation = BUILD[name](channels, stride, True)
    if "pool" in name:
        operation = nn.Sequential(operation, nn.BatchNorm2d(channels))
    for module in operation.modules():
        for child, norm in module.named_children():
            if type(norm) is nn.BatchNorm2d:
                setattr(module, child, nn.BatchNorm2d(norm.num_features, affine=False))
    return operation


class DartsSupernet(Supernet):
    """Mixed operations on the 14 edges of a normal and of a reduction cell."""

    def genotype(self) -> Genotype:
        return derive(self.strengths())

    def likelihood(self, genotype: Genotype) -> float:
        strengths, total = self.strengths(), 0.0
        for cell, edges in zip(CELLS, (genotype.normal, genotype.reduce), strict=True):
            for i, (operation, state) in enumerate(edges):
                strength = strengths[cell][EDGES.index((state, 2 + i // 2)), MIXED.index(operation)]
                total += math.log(max(float(strength), 1e-300))
        return total


def derive(strengths: Mapping[str, Tensor]) -> Genotype:
    """Of each node the two edges with the strongest operation but ``none``, each with that operation.

    ``strengths`` (14, 8) of each cell, operations in the order of `MIXED`. The stronger edge comes first, the
    earlier state or operation among equals.
    """
    cells: dict[str, Any] = {}
    for cell in CELLS:
        rows = strengths[cell][:, 1:].tolist()
        found: list[Edge] = []
        for node in CONCAT:
            into = [(row, state) for row, (state, target) in zip(rows, EDGES, strict=True) if target == node]
            strongest = sorted(into, key=lambda pair: -max(pair[0]))[:2]
            found += [(SEARCHED[row.index(max(row))], state) for row, state in strongest]
        cells |= {cell: tuple(found), f"{cell}_concat": CONCAT}
    return Genotype(**cells)
