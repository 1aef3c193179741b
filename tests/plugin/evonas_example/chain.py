"""A space: four convolutions in a row, each with a kernel of 1, 3, 5 or 7, repeated ``layers`` times."""

from typing import Any

from torch import nn

from spaces import Network, NetworkSize, ProductSpace, UsageError, spaces
from spaces.arithmetic import PLAIN
from spaces.graph import Arrow, CellGraph


class Chain(tuple[str, ...]):
    def __str__(self) -> str:
        return f"chain-{''.join(self)}"


class ChainNetwork(Network):
    def __init__(self, genotype: Chain, size: NetworkSize, norm: bool) -> None:
        super().__init__()
        c, self.parts = size.channels, nn.Sequential(nn.Conv2d(3, size.channels, 3, padding=1, bias=False))
        for k in map(int, genotype * size.layers):
            conv = nn.Conv2d(c, c, k, padding=k // 2, bias=False)
            self.parts.append(nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(c) if norm else nn.Identity()))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(c, size.classes)

    def forward(self, x: Any, arithmetic: Any = PLAIN) -> Any:
        for name, part in [*self.parts.named_children(), ("head", self.head)]:
            x = arithmetic.stage(name, arithmetic.state(arithmetic.apply(part, x)))
        return arithmetic.apply(self.classifier, x)

    def stage_of(self, layer: str) -> str:
        return "head" if layer == "classifier" else layer.split(".")[1]


class Chains(ProductSpace):
    name, description, default_channels, default_layers = "chain", "four convolutions: 256 genotypes", 8, 2
    choices, genotype = ("1357",) * 4, Chain

    def parse(self, text: str) -> Chain:
        kernels = text.strip().removeprefix("chain-")
        if len(kernels) != 4 or set(kernels) - set("1357"):
            raise UsageError("a chain has four kernels of 1, 3, 5 or 7, such as chain-3517")
        return Chain(kernels)

    def graphs(self, genotype: Chain) -> list[CellGraph]:
        arrows = tuple(Arrow(i, i + 1, f"conv_{k}x{k}") for i, k in enumerate(genotype))
        return [CellGraph("chain", ("input", "1", "2", "3", "output"), 1, arrows, (4,))]

    def construct(self, genotype: Chain, size: NetworkSize, *, norm: bool = True, **options: Any) -> Network:
        return ChainNetwork(genotype, size, norm)


spaces.register("chain")(Chains())
