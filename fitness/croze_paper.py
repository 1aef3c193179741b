"""CRoZe as its paper prints it, equations 3 to 10."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from fitness import cosine
from fitness.base import NoScore, Task
from fitness.croze import BETA, EPSILON, LayerTerms
from fitness.passes import Remembered, hooks, training
from fitness.registered import register
from fitness.transfer import numbers

GAMMA = 0.001  # learning rate of the single update in equation 7


class Clean(NamedTuple):
    """What does not depend on the perturbed images."""

    theta: dict[str, Tensor]
    robust: dict[str, Tensor]  # theta^r, equations 3 and 6
    z: dict[str, Tensor]
    g: dict[str, Tensor | None]


def clean_pass(network: nn.Module, images: Tensor, labels: Tensor) -> Clean:
    """One forward and one backward of f_theta(x), images (N, 3, H, W) and labels (N,).

    Raises `NoScore` if the loss has no gradient.
    """
    theta = {name: parameter.detach() for name, parameter in network.named_parameters()}
    z, g, _ = _forward_backward(network, theta, images, labels)
    reached = {name: gradient for name, gradient in g.items() if gradient is not None}
    if not any(numbers(gradient.any() for gradient in reached.values())):
        raise NoScore("the loss of the untrained network has no gradient")
    robust = dict(theta)
    for name, gradient in reached.items():
        length = cosine.norm(gradient)
        step = BETA * cosine.norm(theta[name]) * gradient / torch.where(length > 0, length, 1)
        robust[name] = theta[name] + step
    return Clean(theta, robust, z, g)


def croze_paper_terms(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    low: Tensor,
    high: Tensor,
    x_prime: Tensor | None = None,
    clean: Clean | None = None,
) -> tuple[dict[str, LayerTerms], Tensor]:
    """P, G and Z of every Conv2d and Linear layer that receives a gradient, and the perturbed images x'.

    ``network`` keeps its BatchNorm and is not modified, including running statistics. Images and x' are
    (N, 3, H, W), labels (N,); ``low`` and ``high`` (3, 1, 1) are the normalised values of 0 and 1. ``x_prime``
    stands in for the images of equation 4 and saves their pass, and ``clean`` is what `clean_pass` returned for
    the same network, images and labels.
    Raises `NoScore` if the loss has no gradient.
    """
    theta, robust, z, g = clean or clean_pass(network, images, labels)
    if x_prime is None:
        _, _, d = _forward_backward(network, robust, images, labels, only_images=True)
        x_prime = torch.clamp(images + EPSILON * d.sign(), low, high)  # equation 4
    z_r, g_r, _ = _forward_backward(network, robust, x_prime, labels)

    cosines: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
    for name, gradient in g.items():
        gradient_r = g_r[name]
        if gradient is None or gradient_r is None:
            continue
        layer = name.removesuffix(".weight")
        one_step = theta[name] - GAMMA * gradient  # equation 7
        one_step_r = robust[name] - GAMMA * gradient_r
        cosines[layer] = (
            cosine.whole(one_step, one_step_r),
            cosine.whole(gradient, gradient_r),
            cosine.whole(z[layer], z_r[layer]),
        )
    found = iter(numbers(value for row in cosines.values() for value in row))
    read = {layer: (next(found), next(found), next(found)) for layer in cosines}
    return {layer: LayerTerms(P=1 + p, G=abs(g_m), Z=1 + z_m) for layer, (p, g_m, z_m) in read.items()}, x_prime


def _layers(network: nn.Module) -> dict[str, nn.Module]:
    """Conv2d and Linear layers, each with the module whose output is z_m: its BatchNorm if that follows."""
    observed: dict[str, nn.Module] = {}
    followers: dict[nn.Module, nn.Module] = {}
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            followers.update(zip(list(module)[:-1], list(module)[1:], strict=True))
    for name, module in network.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            follower = followers.get(module)
            observed[name] = follower if isinstance(follower, nn.BatchNorm2d) else module
    return observed


def _forward_backward(
    network: nn.Module,
    parameters: dict[str, Tensor],
    images: Tensor,
    labels: Tensor,
    *,
    only_images: bool = False,
) -> tuple[dict[str, Tensor], dict[str, Tensor | None], Tensor]:
    """Layer outputs, gradients of the layers' weights, and the gradient of the images if only that is wanted."""
    observed = _layers(network)
    names = [] if only_images else [f"{layer}.weight" for layer in observed]
    tracked = {name: parameters[name].clone().requires_grad_() for name in names}
    images = images.detach().clone().requires_grad_(only_images)
    buffers = {
        name: buffer.clone() for name, buffer in network.named_buffers()
    }  # running statistics move in these
    outputs: dict[str, Tensor] = {}

    def keep(layer: str, _: Tensor, output: Tensor) -> None:
        outputs[layer] = output.detach()

    with hooks({} if only_images else observed, keep), training(network):
        logits = functional_call(network, {**parameters, **buffers, **tracked}, (images,))
    loss = F.cross_entropy(logits, labels)
    gradients = torch.autograd.grad(loss, [images] if only_images else list(tracked.values()), allow_unused=True)
    if only_images:
        d = gradients[0] if gradients[0] is not None else torch.zeros_like(images)
        return outputs, {}, d
    return outputs, dict(zip(tracked, gradients, strict=True)), torch.zeros(())


@Remembered
def clean_network(genotype: Any, task: Task) -> tuple[nn.Module, Clean]:
    """The task's network and its clean pass; shared by `croze-paper` and its forms with other images."""
    network = task.network(genotype)
    return network, clean_pass(network, *task.images_and_labels())


def terms_of(genotype: Any, task: Task, x_prime: Tensor | None = None) -> list[LayerTerms]:
    """P, G and Z of every layer of the task's network, at the images of equation 4 or ``x_prime`` (N, 3, H, W)."""
    images, labels = task.images_and_labels()
    assert task.batch is not None
    low, high = (bound.to(images) for bound in (task.batch.low, task.batch.high))
    network, clean = clean_network(genotype, task)
    return list(croze_paper_terms(network, images, labels, low, high, x_prime, clean)[0].values())


@Remembered
def printed_layers(genotype: Any, task: Task) -> list[LayerTerms]:
    """P, G and Z of every layer of the task's network; shared by `croze-paper` and its single terms."""
    return terms_of(genotype, task)


@register(
    "croze-paper",
    formula="sum over m of Z_m P_m G_m",
    source="Ha, Kim, Hwang 2023 (arXiv:2306.05031), equations 3-10",
    cost="3 forwards, 2 full backwards, 1 backward to the images, shared with its terms",
    needs_images=True,
    version=2,
)
def croze_paper(genotype: Any, task: Task) -> float:
    """Consistency of features, parameters and gradients, as printed: with BatchNorm.

        theta^r_m = theta_m + beta |theta_m| g_m/|g_m|,  g = grad L(f_theta(x), y)                     (3, 6)
        x'  = clamp(x + eps sign(grad_x L(f_theta^r(x), y))) to the normalised [0, 1] box              (4)
        Z_m = 1 + cos(z_m, z^r_m), of f_theta(x) and f_theta^r(x')                                     (5)
        P_m = 1 + cos(theta_m - gamma g_m, theta^r_m - gamma g^r_m), g^r = grad L(f_theta^r(x'), y)    (7, 8)
        G_m = |cos(g_m, g^r_m)|                                                                        (9)
        score = sum_m Z_m P_m G_m                                                                      (10)

    beta = 2, eps = 0.01 in normalised units, gamma = 0.001; the paper leaves them open, the first two are the
    released code's. z_m is a layer's output, after its BatchNorm where one follows directly.
    """
    return sum(Z * P * G for P, G, Z in printed_layers(genotype, task))
