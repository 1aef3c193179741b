"""CRoZe as released, by autograd: any network, device and precision; the reference of `fitness.croze_reverse`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from fitness import cosine
from fitness.base import NoScore
from fitness.scaled import Scaled, ScaledArithmetic, cross_entropy_gradient
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
    constants: list[Tensor]
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
    weights = {name: parameter.detach().abs() for name, parameter in network.named_parameters()}
    clean = _forward_backward(network, weights, images, labels, image_gradient=False)
    if clean.loss_scale == 0:
        raise NoScore("the untrained network predicts every label with certainty, so its loss has no gradient")

    perturbed = dict(weights)
    for name, gradient in clean.gradients.items():  # W' = W + beta |W| g/|g|
        if gradient is not None:
            weight, direction = weights[name], cosine.unit(gradient)
            length = direction.norm()
            perturbed[name] = weight + BETA * cosine.norm(weight) * direction / torch.where(length > 0, length, 1)

    at_x = _forward_backward(network, perturbed, images, labels)
    x_prime = (images - EPSILON * at_x.image_gradient.sign()).clamp(0, 1)
    at_x_prime = _forward_backward(
        network, perturbed, x_prime, labels, constants=at_x.constants, image_gradient=False
    )

    loss_scale = torch.maximum(at_x.loss_scale, at_x_prime.loss_scale)
    z = {
        name: (1 + cosine.columns(at_x_prime.stages[name].value, clean.stages[name].value)).double().sum()
        for name in clean.stages
    }
    terms: dict[str, tuple[Tensor, Tensor]] = {}
    for name, g in clean.gradients.items():
        a, b = at_x.gradients[name], at_x_prime.gradients[name]
        if g is None or a is None or b is None:
            continue
        # g' = a + b: the released code never clears the gradients of the first pass
        g_prime = a * _ratio(at_x.loss_scale, loss_scale, a) + b * _ratio(at_x_prime.loss_scale, loss_scale, b)
        p = (1 + cosine.columns(perturbed[name], weights[name])).double().sum()
        g_term = cosine.columns(g_prime, g).abs().double().sum()
        layer = name.removesuffix(".weight")
        terms[layer] = p, g_term
    found = iter(numbers([*z.values(), *(value for pair in terms.values() for value in pair)]))
    of_stage = {name: next(found) for name in z}
    read = {layer: LayerTerms(next(found), next(found), of_stage[network.stage_of(layer)]) for layer in terms}
    return read, x_prime


def _ratio(part: Tensor, whole: Tensor, like: Tensor) -> Tensor:
    return (part / torch.where(whole > 0, whole, 1)).to(like.dtype)


def _forward_backward(
    network: nn.Module,
    parameters: dict[str, Tensor],
    images: Tensor,
    labels: Tensor,
    *,
    constants: list[Tensor] | None = None,
    image_gradient: bool = True,
) -> Pass:
    """Features and gradients of L(f(x), y) with respect to the weights of two or more dimensions, and to x."""
    tracked = {name: tensor.clone().requires_grad_() for name, tensor in parameters.items() if tensor.dim() > 1}
    images = images.detach().clone().requires_grad_(image_gradient)
    arithmetic = ScaledArithmetic(constants)
    logits: Scaled = functional_call(network, {**parameters, **tracked}, (images, arithmetic))
    upstream, loss_scale = cross_entropy_gradient(logits, labels)
    inputs = [*tracked.values(), *([images] if image_gradient else [])]
    # a scalar: given `upstream` itself, the first call would import a symbolic algebra system
    loss = (logits.value * upstream).sum()
    gradients = torch.autograd.grad(loss, inputs, allow_unused=True)
    stages = {name: Scaled(stage.value.detach(), stage.log) for name, stage in arithmetic.stages.items()}
    found: dict[str, Tensor | None] = dict(zip(tracked, gradients, strict=False))
    d = gradients[-1] if image_gradient and gradients[-1] is not None else torch.zeros_like(images)
    return Pass(stages, arithmetic.constants, found, d, loss_scale)
