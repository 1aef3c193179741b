"""GraSP: the loss of gradient flow from removing each weight."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitness import passes
from fitness.base import Task
from fitness.registered import register
from fitness.transfer import numbers


def grasp_score(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """-theta . H g over all Conv2d and Linear weights. ``network`` is not modified.

    Images (N, 3, H, W), labels (N,).
    """
    theta = list(passes.weights(network).values())
    named = dict(zip(passes.layers(network), theta, strict=True))
    loss = F.cross_entropy(passes.logits(network, images, named), labels)
    gradients = torch.autograd.grad(loss, theta, create_graph=True, allow_unused=True)
    flow = torch.stack([(g * g.detach()).sum() for g in gradients if g is not None]).sum()
    curvature = torch.autograd.grad(flow, theta, allow_unused=True)  # H g
    found = [(w.detach() * hg).double().sum() for w, hg in zip(theta, curvature, strict=True) if hg is not None]
    return -sum(numbers(found))


@register(
    "grasp",
    formula="- sum over m of theta_m . (H g)_m",
    source="Wang, Zhang, Grosse 2020 (arXiv:2002.07376); sign and sum of Abdelfattah et al. 2021",
    cost="1 forward, 1 backward, 1 backward through that backward",
    needs_images=True,
    version=2,
)
def grasp(genotype: Any, task: Task) -> float:
    """Sum of -theta H g, with H the Hessian of the mean cross-entropy at g's own batch.

        score = - sum_m theta_m . (H g)_m,    g = grad L(f(x), y),  H g = grad (g . stop(g))

    The pruning paper keeps weights of large -theta H g and divides the logits by a temperature of 200; the
    released proxy code, followed here, has temperature 1. Where BatchNorm follows a weight, theta_m H = -g_m,
    so such a layer adds |g_m|^2: this proxy is close to a squared gradient norm.
    """
    images, labels = task.images_and_labels()
    return grasp_score(task.network(genotype), images, labels)
