"""CRoZe as released, on the tape of `fitness.reverse`: what a CPU uses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fitness import cosine
from fitness.base import NoScore
from fitness.croze_autograd import BETA, EPSILON, LayerTerms
from fitness.reverse import Layers, forward_backward
from fitness.reverse.weights import cosines, stepped
from spaces import Network


@torch.no_grad()
def croze_terms_by_reverse(
    network: Network, images: Tensor, labels: Tensor
) -> tuple[dict[str, LayerTerms], Tensor]:
    """What `fitness.croze.croze_terms` promises, for networks that `fitness.reverse.known` accepts.

    Images (N, 3, H, W), labels (N,).
    """
    layers = Layers(network)
    w = layers.absolute()
    clean = forward_backward(network, layers, w, images, labels, positive=True)
    if clean.loss_scale == 0:
        raise NoScore("the untrained network predicts every label with certainty, so its loss has no gradient")
    w_prime = stepped(w, clean.gradients, BETA)  # W' = W + beta |W| g/|g|

    at_x = forward_backward(network, layers, w_prime, images, labels, image_gradient=True)
    d = torch.zeros_like(images) if at_x.image_gradient is None else at_x.image_gradient
    x_prime = (images - EPSILON * d.sign()).clamp(0, 1)
    exponents, a, scale = at_x.exponents, at_x.gradients, at_x.loss_scale
    del at_x  # its features are not needed
    at_x_prime = forward_backward(network, layers, w_prime, x_prime, labels, exponents=exponents)

    # g' = a + b: the released code never clears the gradients of the first pass
    common = max(scale, at_x_prime.loss_scale) or 1.0
    for sum_, b in zip(a, at_x_prime.gradients, strict=True):
        sum_.mul_(scale / common).add_(b, alpha=at_x_prime.loss_scale / common)
    p = [(1 + found.double()).sum(1).tolist() for found in cosines(w_prime, w)]
    g = [found.abs_().double().sum(1).tolist() for found in cosines(a, clean.gradients)]
    z = {name: _z(at_x_prime.stages[name], parts) for name, parts in clean.stages.items()}
    reached = clean.reached & at_x_prime.reached
    terms = {
        name: LayerTerms(p[stack][row], g[stack][row], z[network.stage_of(name)])
        for name, (stack, row) in layers.names.items()
        if (stack, row) in reached
    }
    return terms, x_prime


def _z(u: Sequence[Tensor], v: Sequence[Tensor]) -> float:
    """Sum over all positions of 1 + cos over the images, of parts (..., N, C)."""
    return sum(float((1 + cosine.columns(a, b, -2).double()).sum()) for a, b in zip(u, v, strict=True))
