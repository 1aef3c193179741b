"""A bound of the input-output Jacobian: how far a small change of the image can move the logits."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from fitness import passes
from fitness.base import NoScore, Task
from fitness.registered import register
from fitness.scaled import Scaled, ScaledArithmetic
from spaces import Network


class ChannelScale(nn.Module):
    """BatchNorm's slope |gamma|/sigma for each channel of (N, C, H, W), with the mean left out."""

    scale: Tensor

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale.view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def log_jacobian_bound(network: Network, images: Tensor) -> float:
    """log of an upper bound of max_k |df_k/dx|_1, BatchNorm's statistics held at those of ``images``.

    Images (N, 3, H, W). ``network`` is not modified.
    """
    norms = {name: module for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    slopes: dict[str, Tensor] = {}

    def observe(name: str, x: Tensor, _: Tensor) -> None:
        variance = x.var((0, 2, 3), unbiased=False)
        slopes[name] = passes.slope(norms[name]) / torch.sqrt(variance + norms[name].eps)

    with torch.no_grad():
        with passes.hooks(norms, observe):
            passes.logits(network, images, passes.weights(network))
        majorant = copy.deepcopy(network)
        for name, parameter in majorant.named_parameters():
            parameter.copy_(torch.zeros_like(parameter) if name.endswith(".bias") else parameter.abs())
        for name, slope in slopes.items():
            parent, _, child = name.rpartition(".")
            majorant.get_submodule(parent).register_module(child, ChannelScale(slope))
        bound: Scaled = majorant(torch.ones_like(images[:1]), ScaledArithmetic())
    largest = float(bound.value.max())
    if largest <= 0:
        raise NoScore("the logits do not depend on the images")
    return math.log(largest) + float(bound.log)


@register(
    "jacobian-norm",
    formula="- log max_k h_k(1), h = f with |theta|, no biases, |gamma|/sigma for BatchNorm",
    source="the metric of Hosseini, Yang, Xie 2021 (arXiv:2012.06122); the bound below is this project's",
    cost="1 forward, 1 forward of one image",
    needs_images=True,
)
def jacobian_norm(genotype: Any, task: Task) -> float:
    """Minus the log of an upper bound of the Jacobian's infinity norm: larger is harder to attack.

        |J|_inf = max_k sum_j |df_k/dx_j|  <=  max_k h_k(1)       score = - log max_k h_k(1)

    h is f with absolute weights, no biases and every BatchNorm replaced by its slope |gamma|/sigma at the batch:
    by the triangle inequality a sum over paths of |weights| bounds the sum of |derivatives|, layer by layer, and
    one forward pass on an image of ones adds them all. A perturbation of at most eps per pixel moves no
    logit by more than eps times the bound. The source names the metric and searches with gradients; the bound and
    its norm, the one that FGSM and PGD attack, are this project's. On untrained networks every convolution
    raises the bound, so it counts size with the wrong sign: on NAS-Bench-201 rho is negative with every target.
    """
    images, _ = task.images_and_labels()
    return -log_jacobian_bound(task.network(genotype), images)
