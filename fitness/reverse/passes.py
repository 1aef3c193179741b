"""One forward and backward pass on the tape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fitness.reverse.tape import Tape
from fitness.reverse.values import Value
from fitness.reverse.weights import Layers, Place, Weights
from fitness.scaled import Scaled, cross_entropy_gradient
from spaces import Network


class Pass(NamedTuple):
    """Gradients of the loss in stacks of `Layers`, up to a positive factor that the exponents determine."""

    stages: dict[str, Sequence[Tensor]]  # outputs in parts (H, W, N, C) or (N, C), each at a scale of its own
    exponents: list[int]
    gradients: list[Tensor]
    reached: set[Place]  # layers that received a gradient
    image_gradient: Tensor | None
    loss_scale: float  # largest entry of d L / d logits; the gradients are divided by it


@torch.no_grad()
def forward_backward(
    network: Network,
    layers: Layers,
    stacks: Sequence[Tensor],
    images: Tensor,
    labels: Tensor,
    *,
    positive: bool = False,
    exponents: Sequence[int] | None = None,
    image_gradient: bool = False,
) -> Pass:
    """Features and gradients of L(f(x), y) for the weights in ``stacks``, biases by their absolute values.

    ``network`` is one that `known` accepts and applies each layer once. ``images`` (N, 3, H, W), ``labels`` (N,).
    ``positive``: no weight is negative. ``exponents`` of an earlier pass put the gradients of both on one scale.
    """
    weights = Weights(layers, stacks, len(images))
    tape = Tape(weights, positive=positive, exponents=exponents)
    x = Value(images.permute(2, 3, 0, 1).contiguous(), 0, wanted=image_gradient)
    x.fresh = False
    logits = network(x, tape)
    log = torch.tensor(logits.exponent * math.log(2), dtype=torch.float64)
    upstream, loss_scale = cross_entropy_gradient(Scaled(logits.x, log), labels)
    tape.backward(logits, upstream)
    d = None if x.gradient is None else x.gradient.permute(2, 3, 0, 1)
    stages: dict[str, Sequence[Tensor]] = {name: [part.x for part in parts] for name, parts in tape.stages.items()}
    return Pass(stages, tape.exponents, weights.gradients, weights.reached, d, float(loss_scale))
