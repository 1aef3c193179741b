"""Jacobian covariance: how different the network's local linear maps are at different images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fitness import passes
from fitness.base import NoScore, Task
from fitness.registered import register

K = 1e-5  # keeps the logarithm finite; the released code's constant


def correlations(network: nn.Module, images: Tensor) -> Tensor:
    """Correlation matrix (N, N) in float64 of the rows d sum_k f_k / dx_n. ``network`` is not modified."""
    x = images.detach().clone().requires_grad_()
    y = passes.logits(network, x, passes.weights(network))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    jacobian = gradient.double().flatten(1)  # (N, 3 H W)
    centred = jacobian - jacobian.mean(1, keepdim=True)
    lengths = centred.norm(dim=1, keepdim=True)
    if not (lengths > 0).all():
        raise NoScore("the logits do not depend on the images, so their Jacobians have no correlation")
    unit = centred / lengths
    return unit @ unit.T


@register(
    "jacob-cov",
    formula="- sum over eigenvalues v of log(v + k) + 1/(v + k)",
    source="Mellor et al. 2020 (arXiv:2006.04647v1); as released with Abdelfattah et al. 2021",
    cost="1 forward, 1 backward",
    needs_images=True,
    version=2,
)
def jacob_cov(genotype: Any, task: Task) -> float:
    """Spectrum of the correlations between the images' Jacobians; best where they are uncorrelated.

        J_n = d sum_k f_k(x) / dx_n,  v = eigenvalues of corr(J),  k = 1e-5
        score = - sum_i log(v_i + k) + 1/(v_i + k)

    The paper's first version; its later one is `naswot`. `NoScore` where a Jacobian is constant.
    """
    images, _ = task.images_and_labels()
    v = torch.linalg.eigvalsh(correlations(task.network(genotype), images).cpu()).clamp(min=0)
    return -float((torch.log(v + K) + 1 / (v + K)).sum())
