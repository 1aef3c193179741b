"""The attacks of the package pyautoattack, one at a time.

The ensemble of the package is not used: it switches the trace function off, leaves global seeds behind, and cannot
read back the state that it saves. Its single attacks draw from PyTorch's global generator, which is seeded for
each chunk of images and restored afterwards. Their results therefore depend on the chunk, which is fixed by the
data set and the batch size, and on which of its images are still classified correctly.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
from abc import abstractmethod
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from evonas.evaluation.attacks.base import Attack, AttackOptions
from evonas.evaluation.attacks.draws import Draws
from evonas.training.logits import logits_of
from evonas.training.undisturbed import Model

ENSEMBLE = (
    'Croce, Hein, "Reliable evaluation of adversarial robustness with an ensemble of '
    'diverse parameter-free attacks", ICML 2020'
)
TARGETS = 9  # classes that a targeted attack tries, or all others where there are fewer
LOGGER = logging.getLogger("evonas.attacks")
LOGGER.addHandler(logging.NullHandler())


def classes_of(model: Model, images: Tensor) -> int:
    """The number of classes of the model, asked with the first of ``images`` (N, 3, H, W)."""
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

    def settings(self) -> dict[str, Any]:
        return super().settings() | self.versions()

    def versions(self) -> dict[str, str]:
        return {self.package: version(self.package)}


class Member(Packaged):
    """One class of the package; a subclass is a frozen dataclass with its numbers, ``restarts`` among them."""

    home: ClassVar[tuple[str, str]]  # module and class
    constants: ClassVar[tuple[tuple[str, Any], ...]] = ()  # arguments of the class
    targeted: ClassVar[bool] = False  # whether it tries classes in turn

    restarts: int

    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """The numbers of the attack as arguments of the class."""

    def describe(self, epsilon: float, classes: int) -> dict[str, Any]:
        numbers = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {"epsilon": epsilon, **numbers, **({"targets": targets(classes)} if self.targeted else {})}

    def perturb(self, model: Model, images: Tensor, labels: Tensor, radius: float, draws: Draws) -> Tensor:
        aims = {}
        if self.targeted:
            classes = classes_of(model, images)
            self.require_classes(classes)
            aims["n_target_classes"] = targets(classes)
        attack = getattr(importlib.import_module(f"{self.package}.{self.home[0]}"), self.home[1])(
            in_rows(model),
            n_restarts=self.restarts,
            eps=radius,
            seed=draws.whole(self.name),
            device=images.device,
            **dict(self.constants),
            **self.arguments(),
            **aims,
        )
        return attack.perturb(images.contiguous(), labels)


@dataclass(frozen=True)
class Iterated(Member):
    """A member that takes a number of steps."""

    steps: int = 100
    restarts: int = 1  # for each class, if it is targeted

    @classmethod
    def from_options(cls, options: AttackOptions) -> Self:
        return cls(options.steps, options.restarts)

    def arguments(self) -> dict[str, Any]:
        return {"n_iter": self.steps}
