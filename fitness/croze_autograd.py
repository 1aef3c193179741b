"""CRoZe as released, by autograd: any network, device and precision; the reference of `fitness.croze_reverse`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from fitness import cosine, together
from fitness.base import NoScore
from fitness.scaled import Scaled, ScaledArithmetic, Scales, cross_entropy_gradient
from fitness.transfer import numbers
from spaces import Network

BETA = 2.0  # step of the weights, relative to the norm of each weight tensor
EPSILON = 0.01  # step of the normalised images


class LayerTerms(NamedTuple):
    """P_m, G_m and Z_m of one layer."""

    P: float
    G: float
    Z: float


class Pass(NamedTuple):
    """One forward and backward pass: gradients up to the positive factor that ``log`` carries."""

    stages: dict[str, Scaled]
    scales: Scales
    gradients: dict[str, Tensor | None]
    image_gradient: Tensor
    loss_scale: Tensor  # largest entry of d L / d logits


def croze_terms_by_autograd(
    network: Network, images: Tensor, labels: Tensor
) -> tuple[dict[str, LayerTerms], Tensor]:
    """P, G and Z of every layer that receives a gradient, and the perturbed images x'.

    ``network`` is built without BatchNorm (``norm=False``) and is not modified; ``images`` (N, 3, H, W) are
    normalised, ``labels`` (N,). Works in the network's precision; float64 is the reference.
    Raises `NoScore` if the loss has no gradient.
    """
    names, parameters = zip(*network.named_parameters(), strict=True)
    weights = dict(zip(names, torch._foreach_abs([parameter.detach() for parameter in parameters]), strict=True))
    clean = _forward_backward(network, weights, images, labels, image_gradient=False)
    if clean.loss_scale == 0:
        raise NoScore("the untrained network predicts every label with certainty, so its loss has no gradient")

    reached = {name: gradient for name, gradient in clean.gradients.items() if gradient is not None}
    moved = _towards([weights[name] for name in reached], list(reached.values()))
    perturbed = weights | dict(zip(reached, moved, strict=True))

    at_x = _forward_backward(network, perturbed, images, labels)
    x_prime = (images - EPSILON * at_x.image_gradient.sign()).clamp(0, 1)
    at_x_prime = _forward_backward(network, perturbed, x_prime, labels, scales=at_x.scales, image_gradient=False)

    stages = list(clean.stages)
    z_prime, z = ([one.stages[name].value for name in stages] for one in (at_x_prime, clean))
    both = {
        name: (g, a, b)
        for name, g in reached.items()
        if (a := at_x.gradients[name]) is not None and (b := at_x_prime.gradients[name]) is not None
    }
    g, of_x, of_x_prime = ([row[i] for row in both.values()] for i in range(3))
    # g' is the sum of both: the released code never clears the gradients of the first pass
    g_prime = _added(of_x, of_x_prime, at_x.loss_scale, at_x_prime.loss_scale)
    w_prime, w = ([of[name] for name in both] for of in (perturbed, weights))
    terms = [
        together.column_sums(z_prime, z, lambda cos: 1 + cos),
        together.column_sums(w_prime, w, lambda cos: 1 + cos),
        together.column_sums(g_prime, g, torch.abs),
    ]
    found = iter(numbers(value for term in terms for value in term))
    z_of = {name: next(found) for name in stages}
    read = [[next(found) for _ in both] for _ in "PG"]
    layers = [name.removesuffix(".weight") for name in both]
    rows = zip(layers, *read, strict=True)
    return {layer: LayerTerms(p, g_term, z_of[network.stage_of(layer)]) for layer, p, g_term in rows}, x_prime


def _towards(weights: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
    """W' = W + beta |W| g/|g| of each layer."""
    if gradients and gradients[0].is_cuda:
        return together.towards(weights, gradients, BETA)
    moved = []
    for weight, gradient in zip(weights, gradients, strict=True):
        direction = cosine.unit(gradient)
        length = direction.norm()
        moved.append(weight + BETA * cosine.norm(weight) * direction / torch.where(length > 0, length, 1))
    return moved


def _added(a: list[Tensor], b: list[Tensor], scale_a: Tensor, scale_b: Tensor) -> list[Tensor]:
    """a + b of each layer, gradients of losses whose largest entries are ``scale_a`` and ``scale_b``."""
    largest = torch.maximum(scale_a, scale_b)
    whole = torch.where(largest > 0, largest, 1)
    if not a:
        return []
    of_a, of_b = ((part / whole).to(a[0].dtype) for part in (scale_a, scale_b))
    return list(torch._foreach_add(torch._foreach_mul(a, of_a), torch._foreach_mul(b, of_b)))


def _forward_backward(
    network: nn.Module,
    parameters: dict[str, Tensor],
    images: Tensor,
    labels: Tensor,
    *,
    scales: Scales | None = None,
    image_gradient: bool = True,
) -> Pass:
    """Features and gradients of L(f(x), y) with respect to the weights of two or more dimensions, and to x."""
    tracked = {name: tensor.detach().requires_grad_() for name, tensor in parameters.items() if tensor.dim() > 1}
    images = images.detach().clone().requires_grad_(image_gradient)
    arithmetic = ScaledArithmetic(scales)
    logits: Scaled = functional_call(network, {**parameters, **tracked}, (images, arithmetic))
    upstream, loss_scale = cross_entropy_gradient(logits, labels)
    inputs = [*tracked.values(), *([images] if image_gradient else [])]
    # a scalar: given `upstream` itself, the first call would import a symbolic algebra system
    loss = (logits.value * upstream).sum()
    gradients = torch.autograd.grad(loss, inputs, allow_unused=True)
    stages = {name: Scaled(stage.value.detach(), stage.log) for name, stage in arithmetic.stages.items()}
    found: dict[str, Tensor | None] = dict(zip(tracked, gradients, strict=False))
    d = gradients[-1] if image_gradient and gradients[-1] is not None else torch.zeros_like(images)
    return Pass(stages, arithmetic.scales, found, d, loss_scale)
