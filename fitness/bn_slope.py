"""BatchNorm slopes: how much an untrained network amplifies its activations to keep unit variance."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitness import passes
from fitness.base import Task
from fitness.registered import register
from fitness.transfer import numbers
from spaces import Network


def log_slopes(network: Network, images: Tensor, labels: Tensor) -> dict[str, float]:
    """mean over channels of log |gamma|/sigma for every live BatchNorm, sigma^2 = variance + eps at the batch.

    Images (N, 3, H, W), labels (N,). A layer is live if its input varies between positions and the gradient of the
    mean cross-entropy reaches it. ``network`` is not modified.
    """
    norms = {name: module for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    found: dict[str, tuple[Tensor, Tensor, Tensor]] = {}

    def observe(name: str, x: Tensor, output: Tensor) -> None:
        variance = x.detach().var((0, 2, 3), unbiased=False).double()
        log_slope = passes.slope(norms[name]).double().log() - (variance + norms[name].eps).log() / 2
        found[name] = log_slope.mean(), variance.any(), output

    with passes.hooks(norms, observe):
        loss = F.cross_entropy(passes.logits(network, images, passes.weights(network)), labels)
    outputs = [output for _, _, output in found.values()]
    gradients = torch.autograd.grad(loss, outputs, allow_unused=True) if outputs else ()
    rows = {
        name: (value, varies, gradient.any())
        for (name, (value, varies, _)), gradient in zip(found.items(), gradients, strict=True)
        if gradient is not None
    }
    values = iter(numbers(value for row in rows.values() for value in row))
    read = {name: (next(values), next(values), next(values)) for name in rows}
    return {name: value for name, (value, varies, reached) in read.items() if varies and reached}


@register(
    "bn-slope",
    formula="sum over live BatchNorms m of mean_c log |gamma_mc|/sigma_mc",
    source="this project",
    cost="1 forward, 1 backward",
    needs_images=True,
)
def bn_slope(genotype: Any, task: Task) -> float:
    """Sum over live BatchNorm layers of the mean log slope with which each multiplies its channels.

        score = sum_m 1/C_m sum_c log |gamma_mc| / sqrt(var_mc + eps)

    var_mc is the variance of channel c over the batch and all positions; a layer is live if the gradient of the
    loss reaches it and its input varies, and a network without one has 0. This is what BatchNorm contributes to
    the log of the input-output Jacobian's bound (`jacobian-norm`); Zen-NAS (arXiv:2102.01063) adds the same
    logarithms with the opposite sign. It grows with the number of live normalised layers and with how much the
    operations before them attenuate. Middling alone, it is what `croze-size` leaves out: docs/score.md shows both.
    """
    images, labels = task.images_and_labels()
    return sum(log_slopes(task.network(genotype), images, labels).values())
