"""CRoZe as printed (equations 3 to 10), stated a second time and naively: the oracle of `fitness.croze_paper`."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Terms = dict[str, tuple[float, float, float]]  # layer -> P, G, Z


def cosine(u: Tensor, v: Tensor) -> Tensor:
    return (u * v).sum() / (u.norm() * v.norm()) if u.any() and v.any() else torch.zeros(())


def observe(network: nn.Module) -> dict[str, Tensor]:
    """Filled by the next forward pass with z_m: a layer's output, after the BatchNorm that takes it as it is."""
    z: dict[str, Tensor] = {}
    raw: dict[str, Tensor] = {}

    def after_layer(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            raw[name] = output
            z[name] = output.detach()

        return hook

    def after_norm(module: nn.Module, inputs: Any, output: Tensor) -> None:
        for name, tensor in raw.items():
            if tensor is inputs[0]:
                z[name] = output.detach()

    for name, module in network.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(after_layer(name))
        elif isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(after_norm)
    return z


def layers_of(network: nn.Module) -> dict[str, nn.Module]:
    return {name: module for name, module in network.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))}


def printed_terms(
    network: nn.Module, images: Tensor, labels: Tensor, low: Tensor, high: Tensor
) -> tuple[Terms, Tensor]:
    """P, G and Z of every layer, and x'."""
    beta, eps, gamma = 2, 0.01, 0.001
    clean = deepcopy(network).train()
    z = observe(clean)
    F.cross_entropy(clean(images), labels).backward()

    robust = deepcopy(network).train()
    with torch.no_grad():
        for name, layer in layers_of(robust).items():
            g = clean.get_submodule(name).weight.grad
            if g is not None and g.any():
                layer.weight += beta * layer.weight.norm() * g / g.norm()  # equations 3 and 6
    x = images.clone().requires_grad_()
    F.cross_entropy(deepcopy(robust)(x), labels).backward()
    assert x.grad is not None
    x_prime = (images + eps * x.grad.sign()).clamp(low, high)  # equation 4

    z_robust = observe(robust)
    F.cross_entropy(robust(x_prime), labels).backward()

    terms: Terms = {}
    for name, layer in layers_of(clean).items():
        w, w_robust = layer.weight, robust.get_submodule(name).weight
        if w.grad is None:
            continue
        one_step, one_step_robust = w.detach() - gamma * w.grad, w_robust.detach() - gamma * w_robust.grad
        p = 1 + cosine(one_step, one_step_robust)  # equations 7 and 8
        terms[name] = (
            float(p),
            float(cosine(w.grad, w_robust.grad).abs()),
            float(1 + cosine(z[name], z_robust[name])),
        )
    return terms, x_prime
