"""The second-order approximation of DARTS: architecture parameters are judged after one step of the weights.

Source: Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, equations 6 to 8. With the
weights w, the architecture a, the learning rate xi and w' = w - xi dL_train(w, a)/dw, the gradient of L_val(w', a)
by a is

    dL_val(w', a)/da - xi (dL_train(w+, a)/da - dL_train(w-, a)/da) / (2 e),  w+- = w +- e dL_val(w', a)/dw',

with e = 0.01 / |dL_val(w', a)/dw'|. As in the released code, w' also has the momentum and the weight decay of the
step; it is not clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from evonas.searching.differentiable.replaced import Replaced
from spaces.supernet import Supernet

RADIUS = 0.01  # |w+ - w|, as published

Loss = Callable[[Replaced], Tensor]
Named = Mapping[str, nn.Parameter]


def stepped(supernet: Supernet, layers: Named, optimiser: torch.optim.SGD, training: Loss) -> dict[str, Tensor]:
    """The weights of the layers (any shapes) after a step of ``optimiser`` on ``training``, without history."""
    parameters = list(layers.values())
    (group,) = optimiser.param_groups
    gradients = torch.autograd.grad(training(Replaced(supernet, layers)), parameters)
    found = {}
    for (name, one), gradient in zip(layers.items(), gradients, strict=True):
        moment = optimiser.state[one].get("momentum_buffer") if one in optimiser.state else None
        change = gradient + group["weight_decay"] * one.detach()
        change = change if moment is None else change + group["momentum"] * moment
        found[name] = (one.detach() - group["lr"] * change).requires_grad_()
    return found


def correction(
    supernet: Supernet, layers: Named, architecture: Named, vector: list[Tensor], training: Loss
) -> list[Tensor]:
    """The derivative by the architecture of the product of dL_train/dw and ``vector``, by central differences.

    ``vector`` has the shapes of the weights (any), the result those of the architecture, (edges, operations).
    """
    length = torch.stack([one.double().square().sum() for one in vector]).sum().sqrt()
    if not float(length) > 0:
        return [torch.zeros_like(one) for one in architecture.values()]
    step = RADIUS / length
    sides = []
    for sign in (1, -1):
        pairs = zip(layers.items(), vector, strict=True)
        moved = {name: (one + (sign * step).to(one.dtype) * v).detach() for (name, one), v in pairs}
        sides.append(torch.autograd.grad(training(Replaced(supernet, moved)), list(architecture.values())))
    return [(above - below) / (2 * step).to(above.dtype) for above, below in zip(*sides, strict=True)]
