"""NASWOT: how much the ReLU patterns of an untrained network differ between images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fitness import passes
from fitness.base import NoScore, Task
from fitness.registered import register


def agreement(network: nn.Module, images: Tensor) -> Tensor:
    """K (N, N) in float64: the number of ReLU units at which two images agree. ``network`` is not modified.

    Only ReLUs on a path to the logits count, as in the authors' code, which asks for a gradient.
    """
    seen: list[tuple[Tensor, Any]] = []

    def observe(_: str, x: Tensor, output: Tensor) -> None:
        code = (x.detach() > 0).flatten(1).to(x.dtype)  # (N, units)
        both = code @ code.T
        on = both.diagonal()
        agree = 2 * both - on[:, None] - on[None, :] + code.shape[1]  # on in both, or off in both
        seen.append((agree.double(), output.grad_fn))

    relus = {name: module for name, module in network.named_modules() if isinstance(module, nn.ReLU)}
    with passes.hooks(relus, observe):
        y = passes.logits(network, images, passes.weights(network))
    reached = _ancestors(y.grad_fn)
    counted = [agree for agree, node in seen if node in reached]
    if not counted:
        raise NoScore("no ReLU lies between the images and the logits")
    return torch.stack(counted).sum(0)


def _ancestors(node: Any) -> set[Any]:
    """Every operation that a gradient of ``node`` passes."""
    found: set[Any] = set()
    open_nodes = [node]
    while open_nodes:
        node = open_nodes.pop()
        if node is not None and node not in found:
            found.add(node)
            open_nodes += [earlier for earlier, _ in node.next_functions]
    return found


@passes.Remembered
def agreement_of(genotype: Any, task: Task) -> Tensor:
    """`agreement` (N, N) of the task's network, on the CPU."""
    images, _ = task.images_and_labels()
    return agreement(task.network(genotype), images).cpu()


@register(
    "naswot",
    formula="log det K, K_ij = units at which images i and j agree",
    source="Mellor, Turner, Storkey, Crowley 2021 (arXiv:2006.04647v3), as released",
    cost="1 forward",
    needs_images=True,
)
def naswot(genotype: Any, task: Task) -> float:
    """log|K| of the agreement of binary ReLU codes c(x), c = 1 where a ReLU's input is positive.

        K_ij = N_A - d_H(c(x_i), c(x_j)),  N_A units, d_H the Hamming distance       score = log |det K|

    The value grows with the batch and with the number of units. `NoScore` where K is singular: the network
    gives two images the same code.
    """
    sign, value = torch.linalg.slogdet(agreement_of(genotype, task))
    if sign <= 0 or not torch.isfinite(value):
        raise NoScore("two images of the batch have the same ReLU code, so K is singular")
    return float(value)
