"""SynFlow of all networks of a population in one forward and one backward of one image.

The equations stand in `fitness.synflow`, whose numbers these are up to rounding.
"""

from __future__ import annotations

import math

import torch

from fitness.base import NoScore
from fitness.population.blocks import Around, Observer, Parameters
from fitness.population.forms import PlainForm
from fitness.population.network import Index, NetworkPass
from fitness.population.plan import Plan
from fitness.population.reductions import by_layer, sums
from fitness.population.weights import Weights
from fitness.synflow import NO_FLOW


def synflow_logs(plan: Plan, weights: Weights, device: str) -> list[float | NoScore]:
    """log of sum |theta| |dR/dtheta|, network by network; ``weights`` are as they were drawn."""
    absolute = weights.absolute()
    gradients = absolute.zeros()
    around = Around(Parameters(absolute.stacks, gradients), PlainForm(nonnegative=True), Observer(), keep=True)
    network = NetworkPass(plan, Index(plan, device), absolute.bias, around)
    side = plan.size.image_size
    value, log = network.forward(torch.ones(1, 3, side, side, dtype=absolute.bias.dtype, device=device))
    network.backward(torch.ones_like(value))
    rows = [sums((weight * g).double())[:, None] for weight, g in zip(absolute.stacks, gradients, strict=True)]
    flows = (sum(flow for (flow,) in layers) for layers in by_layer(plan, rows))
    return [
        math.log(flow) + own if flow else NoScore(NO_FLOW) for flow, own in zip(flows, log.tolist(), strict=True)
    ]
