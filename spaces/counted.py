"""The layers of a network counted on the network itself, for spaces without a closed form."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from spaces.arithmetic import Arithmetic
from spaces.size import Layer, NetworkSize, StageTally, tally

if TYPE_CHECKING:
    from spaces.base import Space


class _Features(Arithmetic):
    """Remembers the size C*H*W of every stage."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    def stage(self, name: str, x: Tensor) -> Tensor:
        self.of[name] = x[0].numel()
        return x


@lru_cache(maxsize=4096)
def stages(space: Space, genotype: Any, size: NetworkSize) -> tuple[StageTally, ...]:
    """Every stage in the order of the forward pass, all layers taken as live.

    One image goes through a network without memory. Parameters that are not those of a convolution or linear layer
    belong to the layer before them.
    """
    with torch.device("meta"):
        network = space.construct(genotype, size).eval()
        image = torch.empty(1, *size.image)
    layers: list[tuple[str, Layer]] = []

    def count(name: str, module: nn.Module, output: Tensor) -> None:
        mine = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            weight = module.weight
            layer = Layer(len(weight), weight[0].numel(), output[0, 0].numel(), mine - weight.numel())
            layers.append((network.stage_of(name), layer))
        elif mine:
            stage, layer = layers[-1]
            layers[-1] = stage, layer._replace(extra=layer.extra + mine)

    for name, module in network.named_modules():
        module.register_forward_hook(lambda module, _, output, name=name: count(name, module, output))
    features = _Features()
    with torch.no_grad():
        network(image, features)
    return tuple(
        StageTally(amount, tally([layer for stage, layer in layers if stage == name], live=True))
        for name, amount in features.of.items()
    )
