"""The modules around the operations of a cell, with the module names under which checkpoints are stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spaces.arithmetic import PLAIN, Arithmetic
from spaces.network import Network
from spaces.size import IMAGENET, NetworkSize
from spaces.skeleton.blocks import FactorizedReduce, ReLUConvBN, batch_norm, strided
from spaces.skeleton.layers import first_channels, reductions, stems


def drop_path(x: Tensor, probability: float | Tensor) -> Tensor:
    """Zero whole images of ``x`` (N, C, H, W) with ``probability`` and scale the rest by 1/(1 - probability)."""
    keep, shape = 1 - probability, (x.shape[0], 1, 1, 1)
    if isinstance(keep, Tensor):
        mask = (torch.rand(shape, device=x.device) < keep).to(x.dtype)  # (N, 1, 1, 1)
    else:
        mask = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(keep)  # (N, 1, 1, 1)
    return x / keep * mask


class CellPlace(NamedTuple):
    """The place of a cell in the skeleton."""

    c_prev_prev: int
    c_prev: int
    channels: int
    reduction: bool
    reduction_prev: bool


class Cell(nn.Module):
    """Nodes that each add operations on earlier states; the output concatenates some of them.

    ``edges`` are (source, target), sorted by their targets; ``operation(index, stride)`` makes the module of one.
    """

    def __init__(
        self,
        place: CellPlace,
        edges: Sequence[tuple[int, int]],
        operation: Callable[[int, int], nn.Module],
        concat: Sequence[int],
        norm: bool,
        affine: bool = True,
    ) -> None:
        super().__init__()
        before = FactorizedReduce if place.reduction_prev else ReLUConvBN
        self.preprocess0 = before(place.c_prev_prev, place.channels, norm, affine)
        self.preprocess1 = ReLUConvBN(place.c_prev, place.channels, norm, affine)
        self.concat = concat
        self.nodes = [  # of each node, its edges as (index, source)
            [(i, source) for i, (source, target) in enumerate(edges) if target == node]
            for node in range(2, 1 + max(target for _, target in edges))
        ]
        self._ops = nn.ModuleList(
            operation(i, 2 if place.reduction and source < 2 else 1) for i, (source, _) in enumerate(edges)
        )

    def forward(self, s0: Any, s1: Any, a: Arithmetic = PLAIN, drop_path_prob: float | Tensor = 0.0) -> Any:
        drops = self.training and (isinstance(drop_path_prob, Tensor) or drop_path_prob > 0)
        states = [a.state(a.apply(self.preprocess0, s0)), a.state(a.apply(self.preprocess1, s1))]
        for edges in self.nodes:
            terms = []
            for i, source in edges:
                operation = self._ops[i]
                term = a.apply(operation, states[source])
                if drops and not isinstance(operation, nn.Identity):
                    term = drop_path(term, drop_path_prob)
                terms.append(term)
            states.append(a.state(a.add(terms)))
        return a.concatenate([states[i] for i in self.concat])


class SkeletonNetwork(Network):
    """One stem or two, L cells with reductions at L//3 and 2L//3, global pooling, a linear classifier.

    ``make(i, place)`` makes cell ``i``, ``auxiliary(channels)`` a second classifier after the second reduction.
    ``forward`` returns logits (N, classes); with that classifier and in training mode, the pair (logits, auxiliary
    logits).
    """

    def __init__(
        self,
        size: NetworkSize,
        norm: bool,
        make: Callable[[int, CellPlace], Cell],
        auxiliary: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.auxiliary_after = reductions(size.layers)[1]
        before = stems(size)
        c_prev_prev, c_prev, channels = before[0].channels, before[-1].channels, size.channels
        self.two_stems = reduction_prev = size.stem == IMAGENET
        if self.two_stems:
            c_first = first_channels(channels)
            self.stem0 = nn.Sequential(
                *strided(3, c_first, norm), nn.ReLU(), *strided(c_first, channels, norm)
            )  # fmt: skip
            self.stem1 = nn.Sequential(nn.ReLU(), *strided(channels, channels, norm))
        else:
            self.stem = nn.Sequential(nn.Conv2d(3, c_prev, 3, padding=1, bias=False), batch_norm(c_prev, norm))
        self.cells = nn.ModuleList()
        for i in range(size.layers):
            reduction = i in reductions(size.layers)
            channels *= 2 if reduction else 1
            cell = make(i, CellPlace(c_prev_prev, c_prev, channels, reduction, reduction_prev))
            self.cells.append(cell)
            c_prev_prev, c_prev, reduction_prev = c_prev, len(cell.concat) * channels, reduction
            if i == self.auxiliary_after:
                c_auxiliary = c_prev
        self.auxiliary_head = auxiliary(c_auxiliary) if auxiliary else None
        self.global_pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(c_prev, size.classes)

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        a = arithmetic
        probability = self._probability()
        s0, s1 = self._stems(x, a)
        auxiliary = None
        for i, cell in enumerate(self.cells):
            s0, s1 = s1, a.stage(f"cells.{i}", cell(s0, s1, a, probability))
            if self.training and self.auxiliary_head is not None and i == self.auxiliary_after:
                auxiliary = self.auxiliary_head(s1)
        logits = a.apply(self.classifier, a.stage("pooled", a.apply(self.global_pooling, s1)))
        return logits if auxiliary is None else (logits, auxiliary)

    def _stems(self, x: Any, a: Arithmetic) -> tuple[Any, Any]:
        """The inputs of the first cell."""
        if not self.two_stems:
            s0 = s1 = a.stage("stem", a.state(a.apply(self.stem, x)))
            return s0, s1
        s0 = a.stage("stem0", a.state(a.apply(self.stem0, x)))
        return s0, a.stage("stem1", a.state(a.apply(self.stem1, s0)))

    def _probability(self) -> float | Tensor:
        """The probability of `drop_path`."""
        return 0.0

    def stage_of(self, layer: str) -> str:
        parts = layer.split(".")
        if parts[0] == "cells":
            return ".".join(parts[:2])
        return "pooled" if parts[0] == "classifier" else parts[0]
