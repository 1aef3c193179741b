"""The weights of a population, layers of one shape in one tensor, each bit for bit what its network alone has."""

from __future__ import annotations

import math
from collections.abc import Sequence
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

    def on(self, device: str, dtype: torch.dtype) -> Weights:
        """The same on ``device``; the host does not wait for what is pinned."""
        stacks = [stack.to(device, dtype, non_blocking=True) for stack in self.stacks]
        return Weights(stacks, self.bias.to(device, dtype, non_blocking=True))


class Drawing:
    """Initial weights on the host as `spaces.initialise` draws them, network k from the generator ``seeds[k]``.

    In float32; ``pinned`` for a GPU. A network is one sequence, but several can be drawn at once.
    """

    def __init__(self, plan: Plan, seeds: Sequence[int], *, pinned: bool) -> None:
        self.plan, self.seeds = plan, seeds
        self.padded = [min(stack.fans) < stack.fan for stack in plan.stacks]
        self.stacks = [
            (torch.zeros if pad else torch.empty)(stack.shape, pin_memory=pinned)
            for stack, pad in zip(plan.stacks, self.padded, strict=True)
        ]
        self.bias = torch.empty((plan.networks, plan.size.classes), pin_memory=pinned)
        self.rows: list[list[tuple[int, int]]] = [[] for _ in range(plan.networks)]  # (stack, row) of each network
        for index, stack in enumerate(plan.stacks):
            for row, network in enumerate(stack.network):
                self.rows[network].append((index, row))

    def fill(self, network: int) -> None:
        """Draw the weights of one network."""
        plan, own = self.plan, dict[int, Tensor]()
        for index, row in self.rows[network]:
            stack, tensor = plan.stacks[index], self.stacks[index][row]
            own[stack.number[row]] = tensor[:, : stack.fans[row]] if self.padded[index] else tensor
        if len(own) < plan.layers[network]:  # a dead layer has no row, but its numbers come before the next one's
            shapes = layer_shapes(plan.genotypes[network], plan.size)
            own |= {i: torch.empty(shape) for i, shape in enumerate(shapes) if i not in own}
        generator = torch.Generator().manual_seed(self.seeds[network])
        bound = 0.0
        for number in range(plan.layers[network]):
            weight = own[number]
            bound = 1 / math.sqrt(weight.shape[1])
            weight.uniform_(-bound, bound, generator=generator)
        self.bias[network].uniform_(-bound, bound, generator=generator)

    @property
    def weights(self) -> Weights:
        """All of them, once every network has been drawn."""
        return Weights(self.stacks, self.bias)
