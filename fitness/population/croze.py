"""CRoZe as released, of all networks of a population in three forwards and three backwards.

The equations stand in `fitness.croze`, whose numbers these are up to rounding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from fitness.base import NoScore
from fitness.croze import EPSILON, LayerTerms
from fitness.population.blocks import Around, Observer, Parameters
from fitness.population.comparing import Comparing
from fitness.population.forms import PlainForm
from fitness.population.joint import launches
from fitness.population.joint.fused_comparing import FusedComparing
from fitness.population.network import Index, NetworkPass
from fitness.population.plan import Plan, indices
from fitness.population.reductions import loss_gradients, unit
from fitness.population.weights import Weights
from fitness.scaled import MAX_LOG

CERTAIN = "the untrained network predicts every label with certainty, so its loss has no gradient"


class Keep(Observer):
    """The outputs of all stages."""

    def __init__(self) -> None:
        self.stages: dict[int, Tensor] = {}

    def stage(self, number: int, value: Tensor) -> None:
        self.stages[number] = value


class Compare(Observer):
    """The sum over all columns of cos(z', z) over images, of each stage and network; frees its inputs."""

    def __init__(self, clean: dict[int, Tensor], comparing: Comparing) -> None:
        self.clean, self.comparing = clean, comparing
        self.sums: dict[int, Tensor] = {}

    def stage(self, number: int, value: Tensor) -> None:
        self.sums[number] = self.comparing.stage(value, self.clean.pop(number))


class Pass(NamedTuple):
    """Gradients up to one positive factor for each network."""

    gradients: list[Tensor]
    constants: list[Any]
    image_gradient: Tensor | None
    loss_scale: Tensor  # (networks,), the largest entry of d L / d logits


class Cosines(NamedTuple):
    """Sums of cosines on the device: of the rows of all stacks, of the networks of all stages, and loss scales."""

    p: list[Tensor]
    g: list[Tensor]
    z: dict[int, Tensor]
    loss_scale: Tensor  # (networks,)


def croze_layers(
    plan: Plan, weights: Weights, images: Tensor, labels: Tensor, device: str
) -> list[list[LayerTerms] | NoScore]:
    """P, G and Z of every layer that receives a gradient, network by network, in the order of its modules.

    ``weights`` are as they were drawn, ``images`` (N, 3, H, W) normalised. `NoScore` stands for a network whose
    loss has no gradient.
    """
    return _terms(plan, croze_cosines(plan, Index(plan, device), weights, images, labels, device))


def croze_cosines(
    plan: Plan, index: Index, weights: Weights, images: Tensor, labels: Tensor, device: str
) -> Cosines:
    """What `croze_layers` computes of ``images``, (N, 3, H, W), whose numbers the host has not waited for."""
    absolute = weights.absolute()
    comparing = FusedComparing() if launches.chosen() and device != "cpu" else Comparing()

    def run(stacks: list[Tensor], x: Tensor, observer: Observer, constants: list[Any] | None, image: bool) -> Pass:
        gradients = weights.zeros()
        form = PlainForm(constants, nonnegative=stacks is absolute.stacks)  # W' may have any sign
        around = Around(Parameters(stacks, gradients), form, observer, keep=True)
        network = NetworkPass(plan, index, absolute.bias, around)
        value, log = network.forward(x)
        true = value.double() * torch.exp(log.clamp(max=MAX_LOG))[:, None, None]
        upstream, largest = unit(loss_gradients(true, labels), (1, 2))
        image_gradient = network.backward(upstream.to(value.dtype), image_gradient=image)
        return Pass(gradients, form.constants, image_gradient, largest.flatten())

    kept = Keep()
    clean = run(absolute.stacks, images, kept, None, image=False)
    perturbed = comparing.perturbed(absolute, clean.gradients)
    p = comparing.weights(perturbed, absolute.stacks)
    at_x = run(perturbed, images, Observer(), None, image=True)
    assert at_x.image_gradient is not None
    x_prime = (images - EPSILON * at_x.image_gradient.sign()).clamp(0, 1)  # (networks, N, 3, H, W)
    compared = Compare(kept.stages, comparing)
    at_x_prime = run(perturbed, x_prime, compared, at_x.constants, image=False)

    whole = torch.maximum(at_x.loss_scale, at_x_prime.loss_scale)
    whole = torch.where(whole > 0, whole, 1)
    rows = [row for stack in plan.stacks for row in stack.network]
    (owner,) = indices([rows], device)
    shares = [
        (loss_scale / whole)[owner].to(absolute.bias.dtype)[:, None, None].split([len(g) for g in clean.gradients])
        for loss_scale in (at_x.loss_scale, at_x_prime.loss_scale)
    ]
    g = comparing.gradients((at_x.gradients, at_x_prime.gradients), shares, clean.gradients)
    return Cosines(p, g, compared.sums, clean.loss_scale)


def _terms(plan: Plan, cosines: Cosines) -> list[list[LayerTerms] | NoScore]:
    """The sums of cosines as terms, network by network; everything comes from the device in one transfer."""
    p, g, z, loss_scale = cosines
    found = torch.cat([*p, *g, *(z[number] for number in sorted(z)), loss_scale]).tolist()
    values = iter(found)

    def take(count: int) -> list[float]:
        return [next(values) for _ in range(count)]

    p_sums, g_sums = ([take(len(stack.network)) for stack in plan.stacks] for _ in range(2))
    features = []  # of each stage and network
    last = plan.stages[-1]
    for stage in plan.stages:
        counts = [width * stage.side**2 for width in stage.widths]
        sums_of = zip(stage.networks, counts, take(len(counts)), strict=True)
        features.append({network: count + total for network, count, total in sums_of})
    pooled = zip(last.networks, last.widths, take(len(last.widths)), strict=True)
    features.append({network: count + total for network, count, total in pooled})
    layers: list[dict[int, LayerTerms]] = [{} for _ in range(plan.networks)]
    for stack, p_of, g_of in zip(plan.stacks, p_sums, g_sums, strict=True):
        rows = zip(stack.network, stack.number, stack.stage, stack.fans, p_of, g_of, strict=True)
        for network, number, stage_number, fan, p_sum, g_sum in rows:
            layers[network][number] = LayerTerms(fan + p_sum, g_sum, features[stage_number][network])
    scales = take(plan.networks)
    return [
        [own[number] for number in sorted(own)] if scale > 0 else NoScore(CERTAIN)
        for own, scale in zip(layers, scales, strict=True)
    ]
