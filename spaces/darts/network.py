"""The DARTS evaluation network, with the module names under which published checkpoints are stored."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spaces.arithmetic import PLAIN, Arithmetic
from spaces.darts.genotype import Genotype
from spaces.darts.layers import STEM_MULTIPLIER, reductions
from spaces.darts.operations import BUILD, FactorizedReduce, ReLUConvBN, batch_norm
from spaces.network import Network
from spaces.size import NetworkSize


def drop_path(x: Tensor, probability: float | Tensor) -> Tensor:
    """Zero whole images' paths with ``probability`` and scale the rest by 1/(1 - probability)."""
    keep, shape = 1 - probability, (x.shape[0], 1, 1, 1)
    if isinstance(keep, Tensor):
        mask = (torch.rand(shape, device=x.device) < keep).to(x.dtype)  # (N, 1, 1, 1)
    else:
        mask = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(keep)  # (N, 1, 1, 1)
    return x / keep * mask


class Cell(nn.Module):
    """Nodes that each add two operations on earlier states; the output concatenates some of them."""

    def __init__(
        self,
        genotype: Genotype,
        c_prev_prev: int,
        c_prev: int,
        channels: int,
        reduction: bool,
        reduction_prev: bool,
        norm: bool,
    ) -> None:
        super().__init__()
        edges = genotype.reduce if reduction else genotype.normal
        self.concat = genotype.reduce_concat if reduction else genotype.normal_concat
        self.preprocess0 = (
            FactorizedReduce(c_prev_prev, channels, norm)
            if reduction_prev
            else ReLUConvBN(c_prev_prev, channels, norm)
        )
        self.preprocess1 = ReLUConvBN(c_prev, channels, norm)
        self.inputs = [state for _, state in edges]
        self._ops = nn.ModuleList(
            BUILD[operation](channels, 2 if reduction and state < 2 else 1, norm) for operation, state in edges
        )

    def forward(self, s0: Any, s1: Any, a: Arithmetic = PLAIN, drop_path_prob: float | Tensor = 0.0) -> Any:
        drops = self.training and (isinstance(drop_path_prob, Tensor) or drop_path_prob > 0)
        states = [a.state(a.apply(self.preprocess0, s0)), a.state(a.apply(self.preprocess1, s1))]
        for node in range(0, len(self._ops), 2):
            terms = []
            for edge in (node, node + 1):
                operation = self._ops[edge]
                term = a.apply(operation, states[self.inputs[edge]])
                if drops and not isinstance(operation, nn.Identity):
                    term = drop_path(term, drop_path_prob)
                terms.append(term)
            states.append(a.state(a.add(terms)))
        return a.concatenate([states[i] for i in self.concat])


class AuxiliaryHead(nn.Module):
    """A second classifier after the second reduction, used in training only (CIFAR form: 8x8 inputs)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride=3, padding=0, count_include_pad=False),
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean(dim=(2, 3)))  # (N, classes)


class DartsNetwork(Network):
    """Stem, L cells with reductions at L//3 and 2L//3, global pooling, a linear classifier.

    ``forward`` returns logits (N, classes); with an auxiliary head and in training mode, the pair
    (logits, auxiliary logits). ``drop_path_prob`` is read at every forward pass.
    """

    def __init__(self, genotype: Genotype, size: NetworkSize, norm: bool = True, auxiliary: bool = False) -> None:
        super().__init__()
        self.genotype = genotype
        self._drop_path_prob, self._drops, self._compiled_prob = 0.0, False, torch.zeros(())
        c_stem = STEM_MULTIPLIER * size.channels
        self.stem = nn.Sequential(nn.Conv2d(3, c_stem, 3, padding=1, bias=False), batch_norm(c_stem, norm))
        self.cells = nn.ModuleList()
        c_prev_prev, c_prev, channels, reduction_prev = c_stem, c_stem, size.channels, False
        for i in range(size.layers):
            reduction = i in reductions(size.layers)
            channels *= 2 if reduction else 1
            cell = Cell(genotype, c_prev_prev, c_prev, channels, reduction, reduction_prev, norm)
            self.cells.append(cell)
            c_prev_prev, c_prev, reduction_prev = c_prev, len(cell.concat) * channels, reduction
            if i == reductions(size.layers)[1]:
                c_auxiliary = c_prev
        self.auxiliary_head = AuxiliaryHead(c_auxiliary, size.classes) if auxiliary else None
        self.auxiliary_after = reductions(size.layers)[1]
        self.global_pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(c_prev, size.classes)

    @property
    def drop_path_prob(self) -> float:
        """The probability; a tensor in compiled networks, because each new number would cause a recompilation."""
        return self._drop_path_prob

    @drop_path_prob.setter
    def drop_path_prob(self, value: float) -> None:
        self._drop_path_prob, self._drops = value, value > 0
        if value > 0:
            self._compiled_prob = torch.tensor(value, device=self.classifier.weight.device)

    def _probability(self) -> float | Tensor:
        if torch.compiler.is_compiling():
            return self._compiled_prob if self._drops else 0.0
        return self._drop_path_prob

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        a, probability = arithmetic, self._probability()
        s0 = s1 = a.stage("stem", a.state(a.apply(self.stem, x)))
        auxiliary = None
        for i, cell in enumerate(self.cells):
            s0, s1 = s1, a.stage(f"cells.{i}", cell(s0, s1, a, probability))
            if self.training and self.auxiliary_head is not None and i == self.auxiliary_after:
                auxiliary = self.auxiliary_head(s1)
        pooled = a.stage("pooled", a.apply(self.global_pooling, s1))
        logits = a.apply(self.classifier, pooled)
        return logits if auxiliary is None else (logits, auxiliary)

    def stage_of(self, layer: str) -> str:
        parts = layer.split(".")
        return {"stem": "stem", "classifier": "pooled"}.get(parts[0]) or ".".join(parts[:2])
