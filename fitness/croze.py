"""CRoZe as released by its authors: the form that reproduces the numbers of the paper, and the default proxy.

Source: Ha, Kim, Hwang, "Generalizable Lightweight Proxy for Robust NAS against Diverse Perturbations",
NeurIPS 2023, arXiv:2306.05031, and the code released with it. The printed equations 3-10 differ: see
`fitness.croze_paper`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fitness import reverse
from fitness.base import Task
from fitness.croze_autograd import BETA, EPSILON, LayerTerms, croze_terms_by_autograd
from fitness.croze_reverse import croze_terms_by_reverse
from fitness.passes import Remembered
from fitness.registered import register
from spaces import Network

__all__ = ["BETA", "EPSILON", "LayerTerms", "croze", "croze_terms", "released_layers"]


def croze_terms(network: Network, images: Tensor, labels: Tensor) -> tuple[dict[str, LayerTerms], Tensor]:
    """P, G and Z of every layer that receives a gradient, and the perturbed images x'.

    ``network`` is built without BatchNorm (``norm=False``) and is not modified; ``images`` (N, 3, H, W) are
    normalised, ``labels`` (N,). In float32 on a CPU, networks that `fitness.reverse` knows (the DARTS space's)
    are differentiated by it, where PyTorch has the oneDNN convolutions it counts on; all else, and float64, the
    reference, by autograd. Both compute the same terms up to rounding. Raises `NoScore` if the loss has no
    gradient.
    """
    single = images.device.type == "cpu" and images.dtype == torch.float32
    fast = single and torch.backends.mkldnn.is_available() and reverse.known(network)
    return (croze_terms_by_reverse if fast else croze_terms_by_autograd)(network, images, labels)


@Remembered
def released_layers(genotype: Any, task: Task) -> list[LayerTerms]:
    """P, G and Z of every layer of the task's network; shared by `croze` and its single terms."""
    images, labels = task.images_and_labels()
    return list(croze_terms(task.network(genotype, norm=False), images, labels)[0].values())


@register(
    "croze",
    formula="sum over m of |P_m G_m Z_m|",
    source="Ha, Kim, Hwang 2023 (arXiv:2306.05031), as released",
    cost="3 forwards, 3 backwards",
    needs_images=True,
)
def croze(genotype: Any, task: Task) -> float:
    """Consistency of features, parameters and gradients, as released: without BatchNorm.

    f has the identity for every BatchNorm and |W| for every parameter W; z_s is the output of stage s that
    holds layer m, cos runs over dimension 0, and norms over whole tensors:

        g = grad_W L(f(x), y)         W' = W + beta |W| g/|g|, beta = 2
        a, d = grad_{W', x} L(f'(x), y)       x' = clamp(x - eps sign(d), 0, 1), eps = 0.01
        b = grad_{W'} L(f'(x'), y)    g' = a + b
        P = sum_i (1 + cos(W', W)_i)  G = sum_i |cos(g', g)_i|  Z = sum_j (1 + cos(z'_s, z_s)_j)
        score = sum_m |P_m G_m Z_m|

    Every cosine saturates in this form, so the score is close to a multiple of `croze-size` (3.6 to 3.9 times at
    C=36, L=20): it counts size. Raises `NoScore` where the loss has no gradient.
    """
    return sum(abs(P * G * Z) for P, G, Z in released_layers(genotype, task))
