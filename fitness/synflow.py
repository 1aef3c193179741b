"""SynFlow: the synaptic flow through every weight, without any data."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from fitness.base import NoScore, Task
from fitness.passes import Remembered, buffers_of
from fitness.registered import register
from fitness.scaled import Scaled, ScaledArithmetic
from fitness.transfer import numbers
from spaces import Network, NetworkSize

NO_FLOW = "no synaptic flow reaches the logits"


def synflow_log(network: Network, size: NetworkSize) -> float:
    """log of sum |theta| |dR/dtheta|. ``network`` is built without BatchNorm and is not modified."""
    absolute = {name: parameter.detach().abs() for name, parameter in network.named_parameters()}
    layers = [name for name, module in network.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    theta = {f"{name}.weight": absolute[f"{name}.weight"].requires_grad_() for name in layers}
    buffers = buffers_of(network)
    like = absolute[f"{layers[0]}.weight"]
    ones = torch.ones(1, *size.image, dtype=like.dtype, device=like.device)
    logits: Scaled = functional_call(network, {**absolute, **buffers}, (ones, ScaledArithmetic()))
    gradients = torch.autograd.grad(logits.value.sum(), list(theta.values()), allow_unused=True)
    flows = [
        (weight.detach() * g).double().abs().sum()
        for weight, g in zip(theta.values(), gradients, strict=True)
        if g is not None
    ]
    *found, log = numbers([*flows, logits.log])
    flow = sum(found)
    if flow == 0:
        raise NoScore(NO_FLOW)
    return math.log(flow) + log


@Remembered
def flow(genotype: Any, task: Task) -> float:
    """`synflow_log` of the task's network."""
    return synflow_log(task.network(genotype, norm=False), task.size)


@register(
    "synflow",
    formula="log of sum over m of |theta_m| . |dR/dtheta_m|, R = sum of f_|theta|(1)",
    source="Tanaka et al. 2020 (arXiv:2006.05467); summed by Abdelfattah et al. 2021",
    cost="1 forward, 1 backward of one image",
    needs_images=False,
)
def synflow(genotype: Any, task: Task) -> float:
    """Logarithm of the synaptic flow through all Conv2d and Linear weights.

        R = sum_k f_|theta|(1)_k,  no BatchNorm        score = log sum_m sum_i |theta_mi dR/dtheta_mi|

    The released code returns the sum itself, in float64, which overflows in deep networks; ranks are what
    matters and its logarithm keeps them, so it is the logarithm here, exact in any precision through a log-scale
    per state (`fitness.scaled`). BatchNorm goes where the space leaves it out for CRoZe: NAS-Bench-201 keeps it in
    its two reduction blocks, in training mode, as the code that earned the published numbers does.
    """
    return flow(genotype, task)
