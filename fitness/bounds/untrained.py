"""Bounds of an untrained network, whose BatchNorm layers have the statistics of a batch."""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import Tensor, nn

from fitness import passes
from fitness.base import Batch, Task
from fitness.bounds.interval import Interval, IntervalArithmetic
from fitness.bounds.stacked import StackedArithmetic
from spaces import Network


def calibrated(network: Network, images: Tensor) -> Network:
    """A copy in float64 and eval mode; running statistics are those of ``images`` (N, 3, H, W)."""
    return _calibrate(copy.deepcopy(network).double(), images)


def _calibrate(found: Network, images: Tensor) -> Network:
    norms = {name: module for name, module in found.named_modules() if isinstance(module, nn.BatchNorm2d)}

    def observe(name: str, x: Tensor, _: Tensor) -> None:
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        norms[name].running_mean, norms[name].running_var = mean, variance

    with passes.training(found), passes.hooks(norms, observe), torch.no_grad():
        found(images.double())
    return found.eval().requires_grad_(False)


def normalised_box(batch: Batch, images: Tensor, radius: Tensor | float) -> Interval:
    """The normalised images within ``radius`` of ``images`` (N, 3, H, W) and between black and white, in float64.

    ``radius``, one number or (N,), is a part of the pixel range [0, 1].
    """
    low, high = (bound.to(images).double() for bound in (batch.low, batch.high))
    each = torch.as_tensor(radius, dtype=torch.float64, device=images.device).view(-1, 1, 1, 1) * (high - low)
    x = images.double()
    below, above = (x - each).maximum(low).minimum(x), (x + each).minimum(high).maximum(x)
    return Interval((below + above) / 2, (above - below) / 2)


def normalised_growth(batch: Batch, images: Tensor) -> Interval:
    """The derivative of `normalised_box` of ``images`` (N, 3, H, W) by the radius at 0.

    At black and white pixels, one end alone moves.
    """
    low, high = (bound.to(images).double() for bound in (batch.low, batch.high))
    x, each = images.double(), high - low
    below, above = torch.where(x > low, -each, 0), torch.where(x < high, each, 0)
    return Interval((below + above) / 2, (above - below) / 2)


def arithmetic_of(network: Network) -> IntervalArithmetic:
    """Of a calibrated network: on a GPU one of few calls."""
    return StackedArithmetic(network) if next(network.parameters()).is_cuda else IntervalArithmetic()


def calibrated_of(task: Task, genotype: object) -> tuple[Network, Tensor, Batch]:
    """The calibrated network of a genotype, the images of the task (N, 3, H, W), and their batch."""
    images, _ = task.images_and_labels()
    assert task.batch is not None
    if task.device == "cpu":
        return calibrated(task.network(genotype), images), images, task.batch
    alone = dataclasses.replace(task, dtype=torch.float64).network(genotype)  # no copies of single tensors
    for module in alone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.num_batches_tracked = None  # counting costs a call
    return _calibrate(alone, images), images, task.batch
