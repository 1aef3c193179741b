"""All weights of a network, those of equal shape in one tensor: a few operations do what is done to each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fitness import cosine


class Place(NamedTuple):
    """Where the weight of a layer lies: a row of a stack."""

    stack: int
    row: int


class Layers:
    """The Conv2d and Linear layers of a network, grouped by the shape of their weights."""

    def __init__(self, network: nn.Module) -> None:
        self.groups: list[list[nn.Module]] = []
        self.places: dict[nn.Module, Place] = {}
        self.names: dict[str, Place] = {}  # in the order of the modules
        stack_of: dict[torch.Size, int] = {}
        for name, module in network.named_modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                stack = stack_of.setdefault(module.weight.shape, len(stack_of))
                if stack == len(self.groups):
                    self.groups.append([])
                self.names[name] = self.places[module] = Place(stack, len(self.groups[stack]))
                self.groups[stack].append(module)

    def absolute(self) -> list[Tensor]:
        """|W| of every layer as stacks, (layers, *shape) each."""
        weights = [[module.get_parameter("weight").detach() for module in group] for group in self.groups]
        return [torch.stack(group).abs_() for group in weights]


class Weights:
    """The weights of one pass over ``images`` images, and their gradients, which are zero where not reached."""

    def __init__(self, layers: Layers, stacks: Sequence[Tensor], images: int) -> None:
        self.gradients = [torch.zeros_like(stack) for stack in stacks]
        self.reached: set[Place] = set()
        self._places = layers.places
        self._images = images
        self._weights = [stack.unbind() for stack in stacks]
        self._gradients = [stack.unbind() for stack in self.gradients]
        self._stacks = stacks
        self._filters: dict[int, tuple[Sequence[Tensor], Sequence[Tensor]]] = {}
        self._matrices: dict[int, tuple[Sequence[Tensor], Sequence[Tensor]]] = {}

    def of(self, module: nn.Module) -> Tensor:
        """The weight of a layer, (C_out, C_in, k, k) or (C_out, C_in)."""
        stack, row = self._places[module]
        return self._weights[stack][row]

    def matrices(self, module: nn.Module) -> tuple[Tensor, Tensor]:
        """Of a 1x1 convolution, (C_out, C_in) and, in its own memory, (C_in, C_out)."""
        stack, row = self._places[module]
        if stack not in self._matrices:
            matrices = self._stacks[stack].flatten(2)
            self._matrices[stack] = matrices.unbind(), matrices.transpose(1, 2).contiguous().unbind()
        as_they_are, turned = self._matrices[stack]
        return as_they_are[row], turned[row]

    def filters(self, module: nn.Module) -> tuple[Tensor, Tensor]:
        """Of a depthwise layer, once for each image, (N C, 1, k, k): as they are, and turned by 180 degrees."""
        stack, row = self._places[module]
        if stack not in self._filters:
            repeated = self._stacks[stack].repeat(1, self._images, 1, 1, 1)
            self._filters[stack] = repeated.unbind(), repeated.flip(3, 4).unbind()
        as_they_are, turned = self._filters[stack]
        return as_they_are[row], turned[row]

    def gradient(self, module: nn.Module) -> Tensor:
        """Where the gradient of a layer's weight is to be written, (C_out, C_in, k, k) or (C_out, C_in)."""
        place = self._places[module]
        self.reached.add(place)
        return self._gradients[place.stack][place.row]


def stepped(stacks: Sequence[Tensor], gradients: Sequence[Tensor], step: float) -> list[Tensor]:
    """W + step |W| g/|g| for each row of each stack (layers, *shape); W where g is zero."""
    return [_stepped(weight, gradient, step) for weight, gradient in zip(stacks, gradients, strict=True)]


def _stepped(weight: Tensor, gradient: Tensor, step: float) -> Tensor:
    w = weight.flatten(1)  # (layers, D)
    g = cosine.unit(gradient.flatten(1), 1)
    g_norm = cosine.norms(g)
    factor = step * cosine.norms(w) / torch.where(g_norm > 0, g_norm, 1)  # (layers, 1)
    return torch.addcmul(w, g, factor).view_as(weight)


def cosines(u: Sequence[Tensor], v: Sequence[Tensor]) -> list[Tensor]:
    """For each stack the cosines over output channels of every layer, (layers, columns)."""
    return [cosine.columns(a.flatten(2), b.flatten(2), 1) for a, b in zip(u, v, strict=True)]
