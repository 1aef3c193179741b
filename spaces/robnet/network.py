"""The RobNet network, with the module names of the authors' repository.

Source: Guo et al. 2020 (arXiv:1911.10695), repository gmh14/RobNets. It is a DARTS skeleton (stem, reductions at
L//3 and 2L//3) with a dense cell: each node adds an operation on every earlier state. Only the stem's BatchNorm
has parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from spaces.arithmetic import PLAIN, Arithmetic, Block
from spaces.darts.layers import STEM_MULTIPLIER, reductions
from spaces.darts.operations import FactorizedReduce, ReLUConvBN, SepConv, Zero, batch_norm
from spaces.network import Network
from spaces.robnet.genotype import EDGES, NODES, Code, Genotype
from spaces.size import NetworkSize


def _identity(channels: int, stride: int, norm: bool) -> nn.Module:
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, norm, affine=False)


def _sep_conv(channels: int, stride: int, norm: bool) -> nn.Module:
    return SepConv(channels, 3, stride, norm, affine=False)


class ResSepConv(Block):
    """The sum of a separable convolution and the identity."""

    def __init__(self, channels: int, stride: int, norm: bool) -> None:
        super().__init__()
        self.conv = _sep_conv(channels, stride, norm)
        self.res = _identity(channels, stride, norm)

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        a = arithmetic
        return a.add([a.apply(self.conv, x), a.apply(self.res, x)])


def _zero(channels: int, stride: int, norm: bool) -> nn.Module:
    return Zero(stride)


BUILD: dict[str, Callable[[int, int, bool], nn.Module]] = {  # (channels, stride, norm) -> module
    "00": _zero,
    "01": _sep_conv,
    "10": _identity,
    "11": ResSepConv,
}


class Edge(Block):
    """One operation of a code; a level of names in the authors' checkpoints."""

    def __init__(self, operation: str, channels: int, stride: int, norm: bool) -> None:
        super().__init__()
        self.op = BUILD[operation](channels, stride, norm)

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        return arithmetic.apply(self.op, x)


class Cell(nn.Module):
    """Nodes that each add an operation on every earlier state; the output concatenates all nodes."""

    def __init__(
        self,
        code: Code,
        c_prev_prev: int,
        c_prev: int,
        channels: int,
        reduction: bool,
        reduction_prev: bool,
        norm: bool,
    ) -> None:
        super().__init__()
        before = FactorizedReduce if reduction_prev else ReLUConvBN
        self.preprocess0 = before(c_prev_prev, channels, norm, affine=False)
        self.preprocess1 = ReLUConvBN(c_prev, channels, norm, affine=False)
        self._ops = nn.ModuleList(
            Edge(operation, channels, 2 if reduction and source < 2 else 1, norm)
            for operation, (source, _) in zip(code, EDGES, strict=True)
        )

    def forward(self, s0: Any, s1: Any, a: Arithmetic = PLAIN) -> Any:
        states = [a.state(a.apply(self.preprocess0, s0)), a.state(a.apply(self.preprocess1, s1))]
        for node in range(2, 2 + NODES):
            terms = [
                a.apply(edge, states[source])
                for edge, (source, target) in zip(self._ops, EDGES, strict=True)
                if target == node
            ]
            states.append(a.state(a.add(terms)))
        return a.concatenate(states[2:])


class RobNetNetwork(Network):
    """``forward`` returns logits (N, classes). ``norm=False`` drops every BatchNorm."""

    def __init__(self, genotype: Genotype, size: NetworkSize, norm: bool = True) -> None:
        super().__init__()
        c_stem = STEM_MULTIPLIER * size.channels
        self.stem = nn.Sequential(nn.Conv2d(3, c_stem, 3, padding=1, bias=False), batch_norm(c_stem, norm))
        self.cells = nn.ModuleList()
        c_prev_prev, c_prev, channels, reduction_prev = c_stem, c_stem, size.channels, False
        for i, code in enumerate(genotype.codes(size.layers)):
            reduction = i in reductions(size.layers)
            channels *= 2 if reduction else 1
            self.cells.append(Cell(code, c_prev_prev, c_prev, channels, reduction, reduction_prev, norm))
            c_prev_prev, c_prev, reduction_prev = c_prev, NODES * channels, reduction
        self.global_pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(c_prev, size.classes)

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        a = arithmetic
        s0 = s1 = a.stage("stem", a.state(a.apply(self.stem, x)))
        for i, cell in enumerate(self.cells):
            s0, s1 = s1, a.stage(f"cells.{i}", cell(s0, s1, a))
        return a.apply(self.classifier, a.stage("pooled", a.apply(self.global_pooling, s1)))

    def stage_of(self, layer: str) -> str:
        parts = layer.split(".")
        return {"stem": "stem", "classifier": "pooled"}.get(parts[0]) or ".".join(parts[:2])
