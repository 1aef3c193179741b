"""CRoZe as released, stated a second time and naively: the oracle of `fitness.croze`.

Plain modules in float64 on deep copies, four forwards and four backwards, gradients left to accumulate in
``.grad``, the loss of the true logits. Overflows on deep cells, as the released code does.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Terms = dict[str, tuple[float, float, float]]  # layer -> P, G, Z


def darts_stages(network: nn.Module) -> dict[str, str]:
    """For each layer the module whose output is its z_s: its own cell, the stem, or the pooled vector."""
    layers = [name for name, module in network.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    return {
        name: "global_pooling"
        if name == "classifier"
        else "stem"
        if name.startswith("stem")
        else name[: name.index(".", 6)]
        for name in layers
    }


def nasbench201_stages(network: nn.Module) -> dict[str, str]:
    """Cells count 1 to 3n without the reductions; every n-th begins a new stage, as do the layers after it."""
    n = (len(network.cells) - 2) // 3
    outputs = ["stem", f"cells.{n}", f"cells.{2 * n + 1}", "lastact"]
    found, counted = {}, 0
    for name, module in network.named_modules():
        if name.startswith("cells.") and name.count(".") == 1:
            counted += hasattr(module, "layers")  # not the reductions
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            found[name] = "global_pooling" if name == "classifier" else outputs[counted // n]
    return found


def released_terms(
    network: nn.Module, images: Tensor, labels: Tensor, stages: dict[str, str], *, z_for_every_layer: bool = False
) -> tuple[Terms, Tensor]:
    """P, G and Z of every layer, and x'. ``network`` has no BatchNorm where CRoZe has none.

    The released code computes Z for every layer, though the layers of a stage share it: half of its time.
    """
    plain = deepcopy(network).double().train()
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.abs_()

    searched = deepcopy(plain)
    F.cross_entropy(searched(images), labels).backward()
    robust = deepcopy(plain)
    with torch.no_grad():
        for weight, clean in zip(robust.parameters(), searched.parameters(), strict=True):
            if weight.dim() > 1 and clean.grad is not None:
                weight += 2 * weight.norm() / (clean.grad.norm() + 1e-30) * clean.grad

    x = images.clone().requires_grad_()
    F.cross_entropy(robust(x), labels).backward()  # its gradients of the weights stay
    assert x.grad is not None
    x_prime = (x.detach() - 0.01 * x.grad.sign()).clamp(0, 1)

    features, features_prime = features_of(plain, stages), features_of(robust, stages)
    (F.cross_entropy(plain(images), labels) + F.cross_entropy(robust(x_prime), labels)).backward()

    def z_of(stage: str) -> float:
        return float((1 + F.cosine_similarity(features_prime[stage], features[stage], dim=0)).sum())

    z = {} if z_for_every_layer else {stage: z_of(stage) for stage in features}
    terms: Terms = {}
    for name, stage in stages.items():
        w, w_prime = plain.get_submodule(name).weight, robust.get_submodule(name).weight
        if w.grad is None:
            continue
        assert w_prime.grad is not None
        p = (1 + F.cosine_similarity(w_prime.detach(), w.detach(), dim=0)).sum()
        g = F.cosine_similarity(w_prime.grad, w.grad, dim=0).abs().sum()
        terms[name] = (float(p), float(g), z_of(stage) if z_for_every_layer else z[stage])
    return terms, x_prime


def features_of(network: nn.Module, stages: dict[str, str]) -> dict[str, Tensor]:
    """Filled by the next forward pass with the output of every stage."""
    found: dict[str, Tensor] = {}
    for stage in set(stages.values()):
        network.get_submodule(stage).register_forward_hook(
            lambda module, inputs, output, stage=stage: found.__setitem__(stage, output.detach())
        )
    return found
