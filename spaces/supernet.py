"""A supernet: one network that holds all operations of a space on every edge, and weighs them.

Sources: Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR 2019 (mixed operations); Xu et al.,
"PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search", ICLR 2020 (partial channels, and
weights of the edges).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spaces.arithmetic import PLAIN, Arithmetic, Block, Selection
from spaces.network import Network

SPREAD = 1e-3  # standard deviation of the first architecture parameters


class Channels(Selection):
    """Some channels, (N, C, H, W) -> (N, stop - start, H, W)."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.stop]


class Shuffle(Selection):
    """Channels in another order, (N, C, H, W): the first of each of ``groups`` equal groups, the second, ..."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        grouped = x.view(n, self.groups, channels // self.groups, height, width)
        return grouped.transpose(1, 2).reshape(x.shape)


class Mixed(Block):
    """sum_o w_o o(x) of all operations of an edge; ``cell`` and ``edge`` say which weights `Supernet` sets.

    With ``partial`` = K > 1, the operations take the first C/K channels, the others pass (halved by 2x2 max
    pooling with ``stride`` 2), and all are shuffled. ``share`` weighs the result among the edges of a node.
    """

    weights: Sequence[Tensor] = ()
    share: Tensor | None = None

    def __init__(
        self,
        cell: str,
        edge: int,
        operations: Sequence[nn.Module],
        channels: int,
        stride: int = 1,
        partial: int = 1,
    ) -> None:
        super().__init__()
        self.cell, self.edge, self.partial = cell, edge, partial
        self.operations = nn.ModuleList(operations)
        if partial > 1:
            self.first = Channels(0, channels // partial)
            passed = Channels(channels // partial, channels)
            self.others = nn.Sequential(passed, *([nn.MaxPool2d(2, 2)] if stride > 1 else []))
            self.shuffle = Shuffle(partial)

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        a = arithmetic
        some = x if self.partial == 1 else a.apply(self.first, x)
        found = a.weighted([a.apply(operation, some) for operation in self.operations], self.weights)
        if self.partial > 1:
            found = a.apply(self.shuffle, a.concatenate([found, a.apply(self.others, x)]))
        return found if self.share is None else a.weighted([found], [self.share])


class Supernet(Network):
    """A network of `Mixed` edges with its architecture parameters, by cell: ``alphas`` (edges, operations).

    The weights of an edge are the softmax of its row. With ``nodes`` (of each cell, the edges into each node, in
    order) there are ``betas`` (edges,) too, whose softmax among the edges of a node weighs these.
    """

    def __init__(
        self, network: Network, generator: torch.Generator, nodes: Mapping[str, Sequence[int]] | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.mixed = [module for module in network.modules() if isinstance(module, Mixed)]
        self.nodes = nodes
        sizes = {each.cell: (1 + each.edge, len(each.operations)) for each in self.mixed}  # the last edge wins
        self.alphas, self.betas = nn.ParameterDict(), nn.ParameterDict()
        for cell, size in sorted(sizes.items()):
            self.alphas[cell] = nn.Parameter(SPREAD * torch.randn(size, generator=generator))
            if nodes is not None:
                self.betas[cell] = nn.Parameter(SPREAD * torch.randn(size[0], generator=generator))

    def architecture(self) -> list[tuple[str, nn.Parameter]]:
        """The architecture parameters by name."""
        return [(name, one) for name, one in self.named_parameters() if not name.startswith("network.")]

    def layers(self) -> list[tuple[str, nn.Parameter]]:
        """The weights of the layers by name."""
        return [(name, one) for name, one in self.named_parameters() if name.startswith("network.")]

    def weights(self) -> dict[str, Tensor]:
        """The weights of the operations by cell, (edges, operations), without the shares of the edges."""
        return {cell: alpha.softmax(1) for cell, alpha in self.alphas.items()}

    def shares(self) -> dict[str, Tensor]:
        """The shares of the edges by cell, (edges,); empty without `betas`."""
        nodes = self.nodes or {}
        return {
            cell: torch.cat([one.softmax(0) for one in beta.split(list(nodes[cell]))])
            for cell, beta in self.betas.items()
        }

    def forward(self, x: Any, arithmetic: Arithmetic = PLAIN) -> Any:
        weights, shares = self.weights(), self.shares()
        for each in self.mixed:
            each.weights = weights[each.cell][each.edge].unbind()
            each.share = shares[each.cell][each.edge] if shares else None
        return self.network(x, arithmetic)

    def stage_of(self, layer: str) -> str:
        return self.network.stage_of(layer.removeprefix("network."))

    @torch.no_grad()
    def strengths(self) -> dict[str, Tensor]:
        """The weights times the shares, by cell, (edges, operations)."""
        shares = self.shares()
        return {cell: rows * shares[cell][:, None] if shares else rows for cell, rows in self.weights().items()}

    @abstractmethod
    def genotype(self) -> Any:
        """The genotype that the strengths derive."""

    @abstractmethod
    def likelihood(self, genotype: Any) -> float:
        """The sum of the logarithms of the strengths that ``genotype`` uses."""
