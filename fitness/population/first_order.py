"""First-order sums of all networks of a population in one forward and one backward.

They stand in `fitness.passes.LayerSums`, whose numbers these are up to rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fitness.passes import LayerSums
from fitness.population.blocks import Around, Observer, Parameters
from fitness.population.forms import Form
from fitness.population.network import Index, NetworkPass
from fitness.population.plan import Place, Plan
from fitness.population.reductions import by_layer, loss_gradients
from fitness.population.weights import Weights


class Fisher(Observer):
    """1/2 of the sum over channels of the mean over images of (sum over positions of y dL/dy)^2, of every row."""

    def __init__(self, plan: Plan, device: str) -> None:
        self.rows = [torch.zeros(len(stack.network), dtype=torch.float64, device=device) for stack in plan.stacks]

    def output(self, y: Tensor, g: Tensor, place: Place) -> None:
        product = y * g  # (rows, C, N, H, W), or (networks, classes, N) of the classifier
        g_nk = product.flatten(3).sum(3) if product.dim() > 3 else product
        self.rows[place.stack][place.rows] = g_nk.double().square().mean(2).sum(1) / 2


def first_order(plan: Plan, weights: Weights, images: Tensor, labels: Tensor, device: str) -> list[LayerSums]:
    """The sums over the layers that the gradient reaches, network by network; ``images`` (N, 3, H, W)."""
    gradients, fisher = weights.zeros(), Fisher(plan, device)
    around = Around(Parameters(weights.stacks, gradients), Form(), fisher, keep=True)
    network = NetworkPass(plan, Index(plan, device), weights.bias, around)
    logits, _ = network.forward(images)
    network.backward(loss_gradients(logits, labels).to(logits.dtype))
    rows = []
    for weight, g, of_fisher in zip(weights.stacks, gradients, fisher.rows, strict=True):
        product, length = (weight * g).flatten(1).double(), torch.linalg.vector_norm(g.flatten(1).double(), dim=1)
        rows.append(torch.stack([product.sum(1), product.abs().sum(1), length, of_fisher], 1))
    return [LayerSums(*(sum(column) for column in zip(*layers, strict=True))) for layers in by_layer(plan, rows)]
