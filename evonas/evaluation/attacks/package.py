"""The attacks of the package pyautoattack, one at a time.

The ensemble of the package is not used: it switches the trace function off, leaves global seeds behind, and cannot
read back the state that it saves. Its single attacks draw from PyTorch's global generator, which is seeded for
each chunk of images and restored afterwards. Their results therefore depend on the chunk, which is fixed by the
data set and the batch size, and on which of its images are still classified correctly.
"""

from __future__ import annotations

import importlib
import logging
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from evonas.evaluation.attacks.base import Attack, logits_of
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.attacks.undisturbed import Model

TARGETS = 9  # classes that a targeted attack tries, or all others where there are fewer
LOGGER = logging.getLogger("evonas.attacks")
LOGGER.addHandler(logging.NullHandler())


def member(module: str, name: str) -> Any:
    """A class of the package."""
    return getattr(importlib.import_module(f"pyautoattack.{module}"), name)


def classes_of(model: Model, images: Tensor) -> int:
    """The number of classes of the model."""
    return logits_of(model, images[:1]).shape[1]


def targets(classes: int) -> int:
    """The number of classes that a targeted attack tries."""
    return min(TARGETS, classes - 1)


class _Rows(torch.autograd.Function):
    """The identity with a contiguous gradient, which the package needs, for any memory format of the network."""

    @staticmethod
    def forward(context: Any, images: Tensor) -> Tensor:
        return images.view_as(images)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return gradients[0].contiguous()


def in_rows(model: Model) -> Model:
    """The model in the form that the package needs."""
    return lambda images: logits_of(model, _Rows.apply(images))


class Packaged(Attack):
    """An attack that the package computes."""

    package = "pyautoattack"

    def perturb(self, model: Model, images: Tensor, labels: Tensor, radius: float, draws: Draws) -> Tensor:
        attack = self.made(model, images, radius, draws.whole(self.name))
        return attack.perturb(images.contiguous(), labels)

    def made(self, model: Model, images: Tensor, radius: float, seed: int) -> Any:
        """The package's object, for images like these."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        return super().settings() | self.versions()

    def versions(self) -> dict[str, str]:
        return {self.package: version(self.package)}
