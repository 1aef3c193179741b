"""ReLU agreement between images for all networks of a population, in one forward pass.

The counts are those of `fitness.naswot`; they differ where rounding decides on which side of zero an entry lies.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fitness.population.blocks import Around, Observer, Parameters
from fitness.population.forms import Form
from fitness.population.network import Index, NetworkPass
from fitness.population.plan import Place, Plan, indices
from fitness.population.weights import Weights


class Agreement(Observer):
    """Adds up, for every network, at how many units of its ReLUs two images agree: ``total`` (networks, N, N)."""

    def __init__(self, plan: Plan, images: int, device: str) -> None:
        self.plan, self.device = plan, device
        self.total = torch.zeros(plan.networks, images, images, dtype=torch.float64, device=device)

    def relu(self, x: Tensor, place: Place) -> None:
        stack, rows = self.plan.stacks[place.stack], place.rows
        code = (x > 0).to(x.dtype).transpose(1, 2).flatten(2)  # (rows, N, units)
        both = code @ code.mT
        on = both.diagonal(dim1=1, dim2=2)
        area = x.shape[3] * x.shape[4]
        units = [area * (x.shape[1] - (stack.fan - fan)) for fan in stack.fans[rows]]  # without padding
        networks, count = indices([stack.network[rows], units], self.device)
        agree = 2 * both - on[:, :, None] - on[:, None, :] + count[:, None, None]  # on in both, or off in both
        self.total.index_add_(0, networks, agree.double())  # of integers, so their order does not matter


def agreements(plan: Plan, weights: Weights, images: Tensor, device: str) -> Tensor:
    """K of every network, (networks, N, N) in float64 on the CPU; ``images`` (N, 3, H, W)."""
    seen = Agreement(plan, len(images), device)
    around = Around(Parameters(weights.stacks, None), Form(), seen, keep=False)
    NetworkPass(plan, Index(plan, device), weights.bias, around).forward(images)
    return seen.total.cpu()
