"""The DARTS evaluation network, with the module names under which published checkpoints are stored."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spaces.darts.genotype import Genotype
from spaces.darts.operations import BUILD
from spaces.size import CIFAR, NetworkSize
from spaces.skeleton.network import Cell, CellPlace, SkeletonNetwork


def cell(genotype: Genotype, place: CellPlace, norm: bool) -> Cell:
    """The normal or the reduction cell of ``genotype``."""
    edges = genotype.reduce if place.reduction else genotype.normal
    return Cell(
        place,
        [(state, 2 + i // 2) for i, (_, state) in enumerate(edges)],
        lambda i, stride: BUILD[edges[i][0]](place.channels, stride, norm),
        genotype.reduce_concat if place.reduction else genotype.normal_concat,
        norm,
    )


class AuxiliaryHead(nn.Module):
    """A second classifier after the second reduction, used in training only.

    (N, C, 8, 8) -> (N, classes); in the form for ImageNet, without the last BatchNorm, (N, C, 7, 7) as well.
    """

    def __init__(self, channels: int, classes: int, stem: str = CIFAR) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride=3 if stem == CIFAR else 2, padding=0, count_include_pad=False),
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            *([nn.BatchNorm2d(768)] if stem == CIFAR else []),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean(dim=(2, 3)))  # (N, classes)


class DartsNetwork(SkeletonNetwork):
    """The skeleton with an auxiliary head and drop path; ``drop_path_prob`` is read at every forward pass."""

    _compiled_prob: Tensor

    def __init__(self, genotype: Genotype, size: NetworkSize, norm: bool = True, auxiliary: bool = False) -> None:
        def head(channels: int) -> AuxiliaryHead:
            return AuxiliaryHead(channels, size.classes, size.stem)

        super().__init__(size, norm, lambda _, place: cell(genotype, place, norm), head if auxiliary else None)
        self.genotype = genotype
        self._drop_path_prob, self._drops = 0.0, False
        self.register_buffer("_compiled_prob", torch.zeros(()), persistent=False)

    @property
    def drop_path_prob(self) -> float:
        """The probability; a tensor in compiled networks, because each new number would cause a recompilation."""
        return self._drop_path_prob

    @drop_path_prob.setter
    def drop_path_prob(self, value: float) -> None:
        self._drop_path_prob, self._drops = value, value > 0
        self._compiled_prob.fill_(value)  # in place, without an upload

    def _probability(self) -> float | Tensor:
        if torch.compiler.is_compiling():
            return self._compiled_prob if self._drops else 0.0
        return self._drop_path_prob
