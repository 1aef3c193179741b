"""The weights of a population, layers of one shape in one tensor, each bit for bit what its network alone has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

from fitness.population.plan import Plan, layer_shapes
from fitness.upload import ALIGNED


class Weights(NamedTuple):
    """A tensor (rows, out, fan) for each `Stack` of a plan, zero where a layer is padded."""

    stacks: list[Tensor]
    bias: Tensor  # of the classifiers, (networks, classes)

    def absolute(self) -> Weights:
        """|W| for every W."""
        return Weights(list(torch._foreach_abs(self.stacks)), self.bias.abs())

    def zeros(self) -> list[Tensor]:
        """Room for the gradients of the stacks, (rows, out, fan) each, in one tensor."""
        sizes = [-(-stack.numel() // ALIGNED) * ALIGNED for stack in self.stacks]
        parts = self.bias.new_zeros(sum(sizes)).split(sizes)
        return [part[: stack.numel()].view(stack.shape) for part, stack in zip(parts, self.stacks, strict=True)]


def draw(plan: Plan, seeds: Sequence[int], device: str, dtype: torch.dtype, threads: int = 1) -> Weights:
    """Initial weights as `spaces.initialise` draws them, network k from the generator seeded ``seeds[k]``.

    Drawn in float32 on the CPU, by ``threads`` threads: a network is one sequence, so several are drawn at once.
    """
    pinned = device.startswith("cuda")
    padded = [min(stack.fans) < stack.fan for stack in plan.stacks]
    stacks = [
        (torch.zeros if pad else torch.empty)(stack.shape, pin_memory=pinned)
        for stack, pad in zip(plan.stacks, padded, strict=True)
    ]
    bias = torch.empty((plan.networks, plan.size.classes), pin_memory=pinned)
    targets: list[dict[int, Tensor]] = [{} for _ in range(plan.networks)]
    for stack, tensor, pad in zip(plan.stacks, stacks, padded, strict=True):
        for row, network, number, fan in zip(
            tensor.unbind(), stack.network, stack.number, stack.fans, strict=True
        ):
            targets[network][number] = row[:, :fan] if pad else row

    def fill(network: int) -> None:
        generator = torch.Generator().manual_seed(seeds[network])
        own = targets[network]
        if (
            len(own) < plan.layers[network]
        ):  # a dead layer has no row, but the next one's numbers come after its own
            shapes = layer_shapes(plan.genotypes[network], plan.size)
            own |= {i: torch.empty(shape) for i, shape in enumerate(shapes) if i not in own}
        bound = 0.0
        for number in range(plan.layers[network]):
            weight = own[number]
            bound = 1 / math.sqrt(weight.shape[1])
            weight.uniform_(-bound, bound, generator=generator)
        bias[network].uniform_(-bound, bound, generator=generator)

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, range(plan.networks)))
    else:
        for network in range(plan.networks):
            fill(network)
    return Weights(
        [s.to(device, dtype, non_blocking=True) for s in stacks], bias.to(device, dtype, non_blocking=True)
    )
