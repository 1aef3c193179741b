"""CRoZe as its paper prints it, equations 3 to 10."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from fitness import cosine, together
from fitness.base import NoScore, Task
from fitness.croze import BETA, EPSILON, LayerTerms
from fitness.passes import Remembered, buffers_of, hooks, training
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
    moved = _towards(list(reached.values()), [theta[name] for name in reached])
    return Clean(theta, theta | dict(zip(reached, moved, strict=True)), z, g)


def _towards(gradients: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
    """theta + beta |theta| g/|g| of each weight.

    Raises `NoScore` if every gradient is zero.
    """
    on_a_gpu = bool(gradients) and gradients[0].is_cuda
    if not any(numbers(one.any() for one in (together.rows(gradients) if on_a_gpu else gradients))):
        raise NoScore("the loss of the untrained network has no gradient")
    if on_a_gpu:
        return together.towards(weights, gradients, BETA)
    moved = []
    for weight, gradient in zip(weights, gradients, strict=True):
        length = cosine.norm(gradient)
        moved.append(weight + BETA * cosine.norm(weight) * gradient / torch.where(length > 0, length, 1))
    return moved


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

    both = {name: (a, b) for name, a in g.items() if a is not None and (b := g_r[name]) is not None}
    of, of_r = ([pair[i] for pair in both.values()] for i in (0, 1))
    layers = [name.removesuffix(".weight") for name in both]
    cosines = (
        together.whole(
            _one_step([theta[name] for name in both], of), _one_step([robust[name] for name in both], of_r)
        ),
        together.whole(of, of_r),
        together.whole([z[layer] for layer in layers], [z_r[layer] for layer in layers]),
    )
    found = iter(numbers(value for kind in cosines for value in kind))
    p, g_m, z_m = ([next(found) for _ in layers] for _ in cosines)
    read = zip(layers, p, g_m, z_m, strict=True)
    return {layer: LayerTerms(P=1 + a, G=abs(b), Z=1 + c) for layer, a, b, c in read}, x_prime


def _one_step(weights: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
    """theta - gamma g, equation 7; on a GPU by one call."""
    if weights and weights[0].is_cuda:
        return list(torch._foreach_sub(weights, gradients, alpha=GAMMA))
    return [weight - GAMMA * gradient for weight, gradient in zip(weights, gradients, strict=True)]


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
    tracked = {name: parameters[name].detach().requires_grad_() for name in names}
    images = images.detach().clone().requires_grad_(only_images)
    buffers = buffers_of(network)  # running statistics move in these
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
