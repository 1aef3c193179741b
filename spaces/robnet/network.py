"""The RobNet network, with the module names of the authors' repository.

Source: Guo et al. 2020 (arXiv:1911.10695), repository gmh14/RobNets. It is the skeleton of DARTS with a dense
cell. Only the stem's BatchNorm has parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from spaces.arithmetic import PLAIN, Arithmetic, Block
from spaces.darts.operations import SepConv, Zero
from spaces.robnet.genotype import EDGES, NODES, Code, Genotype
from spaces.size import NetworkSize
from spaces.skeleton.blocks import FactorizedReduce
from spaces.skeleton.network import Cell, CellPlace, SkeletonNetwork


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


def cell(code: Code, place: CellPlace, norm: bool) -> Cell:
    """The cell of ``code``, whose nodes each add an operation on every earlier state and are all concatenated."""
    return Cell(
        place,
        EDGES,
        lambda i, stride: Edge(code[i], place.channels, stride, norm),
        range(2, 2 + NODES),
        norm,
        affine=False,
    )


class RobNetNetwork(SkeletonNetwork):
    """``forward`` returns logits (N, classes). ``norm=False`` drops every BatchNorm."""

    def __init__(self, genotype: Genotype, size: NetworkSize, norm: bool = True) -> None:
        codes = genotype.codes(size.layers)
        super().__init__(size, norm, lambda i, place: cell(codes[i], place, norm))
