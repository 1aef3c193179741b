"""The interface of an attack: it perturbs images within a ball around them."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, ClassVar

import torch
from torch import Tensor

from evonas.evaluation.attacks.draws import Draws
from evonas.training import attack_steps
from evonas.training.logits import correct, logits_of
from evonas.training.undisturbed import Model, undisturbed
from spaces.errors import EvonasError, UsageError

ROUNDING = 1e-6  # by which float32 may leave the ball
INSTALL = 'pip install "evonas[attacks]"'


@dataclass(frozen=True)
class AttackOptions:
    """The options of attacks; each attack takes those that apply to it."""

    steps: int = 20
    step_size: float | None = None  # in 1/255; 2.5 epsilon / steps
    restarts: int = 1
    queries: int = 5000


class Attack(ABC):
    """Perturbs images within the L-infinity ball of radius epsilon / 255 and within [0, 1].

    A frozen dataclass whose fields are its settings. Its parts run one after the other, each on the images that
    are still classified correctly.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    package: ClassVar[str] = ""  # package that computes it
    version: ClassVar[int] = 1  # raised when its results change, which invalidates stored results

    @classmethod
    @abstractmethod
    def from_options(cls, options: AttackOptions) -> Attack:
        """The attack with the options that apply to it."""

    @property
    def parts(self) -> tuple[Attack, ...]:
        """The parts that run in turn: restarts, or the members of an ensemble."""
        return (self,)

    def perturb(self, model: Model, images: Tensor, labels: Tensor, radius: float, draws: Draws) -> Tensor:
        """Perturbed images (N, 3, H, W); ``radius`` in the unit of the images. For attacks without parts."""
        raise NotImplementedError

    def require(self) -> None:
        """Raises `EvonasError` if the package that the attack needs is not installed."""
        if self.package and find_spec(self.package) is None:
            raise EvonasError(f"attack {self.name} needs {self.package}: {INSTALL}")

    def require_classes(self, count: int) -> None:
        """Raises `UsageError` if the attack needs more than ``count`` classes."""
        for part in self.parts:
            if part is not self:
                part.require_classes(count)

    def versions(self) -> dict[str, str]:
        """The version of the package that computes it."""
        return {}

    def settings(self) -> dict[str, Any]:
        """Everything that its results depend on, as JSON."""
        return {"attack": self.name, "version": self.version, **dataclasses.asdict(self)}  # type: ignore[call-overload]

    def describe(self, epsilon: float, classes: int) -> dict[str, Any]:
        """Its settings for a report, sizes in 1/255, for a model with ``classes`` classes."""
        return {"epsilon": epsilon}

    def recorded(self, epsilon: float, classes: int) -> dict[str, Any]:
        """Its settings in evaluation.json: `describe`, and the version from the second on."""
        return self.describe(epsilon, classes) | ({"version": self.version} if self.version > 1 else {})

    def __call__(self, model: Model, images: Tensor, labels: Tensor, epsilon: float, draws: Draws) -> Tensor:
        """Adversarial images, float32 (N, 3, H, W).

        ``images`` float32 in [0, 1], ``labels`` int64 (N,), ``epsilon`` in 1/255, one stream of
        ``draws`` per image.
        Raises `UsageError` for other images, labels or epsilons.
        """
        require_images(images, labels)
        if not (math.isfinite(epsilon) and 0 <= epsilon <= 255):
            raise UsageError(f"epsilon is in 1/255, from 0 to 255, not {epsilon!r}")
        if len(draws.indices) != len(images):
            raise UsageError(f"{len(images)} images need {len(images)} streams of draws, not {len(draws.indices)}")
        with undisturbed(model, images.device):
            moved, left = images.clone(), torch.ones_like(labels, dtype=torch.bool)
            for part in self.parts:
                if left.any():
                    part.require()
                    chosen = draws.select(left)
                    moved[left] = _inside(part, model, images[left], labels[left], epsilon / 255, chosen)
                    if len(self.parts) > 1:
                        left &= correct(model, moved, labels)
        return moved


def _inside(part: Attack, model: Model, images: Tensor, labels: Tensor, radius: float, draws: Draws) -> Tensor:
    """The images perturbed by ``part``, checked."""
    moved = part.perturb(model, images.clone(), labels, radius, draws).detach()
    if moved.shape != images.shape or not torch.isfinite(moved).all():
        raise EvonasError(
            f"attack {part.name} returned invalid images (wrong shape or non-finite); its result was discarded"
        )
    farthest = (moved - images).abs().max().item()
    if farthest > radius + ROUNDING or moved.min() < -ROUNDING or moved.max() > 1 + ROUNDING:
        raise EvonasError(
            f"attack {part.name} changed a pixel by {255 * farthest:g}/255, but {255 * radius:g}/255 is allowed, "
            "or left [0, 1]; its result was discarded"
        )
    low, high = attack_steps.box(images, radius)
    return moved.clamp(low, high)


def require_images(images: Tensor, labels: Tensor) -> None:
    """Raises `UsageError` unless images are float32 (N, 3, H, W) in [0, 1] and labels int64 (N,)."""
    if images.dtype != torch.float32 or images.ndim != 4 or images.shape[1] != 3:
        raise UsageError(
            f"an attack takes float32 images (N, 3, H, W), not {str(images.dtype).removeprefix('torch.')} "
            f"{tuple(images.shape)}; from uint8: images.float() / 255"
        )
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        raise UsageError(f"{len(images)} images need int64 labels ({len(images)},), not {tuple(labels.shape)}")
    if len(images) and not (images.min() >= 0 and images.max() <= 1):  # also false for nan
        raise UsageError(
            f"images must lie in [0, 1], not from {images.min().item():g} to {images.max().item():g}; "
            "normalisation belongs inside the model"
        )


def gradient(model: Model, images: Tensor, labels: Tensor) -> Tensor:
    """Gradient of the cross-entropy of each image with respect to it, (N, 3, H, W)."""
    return attack_steps.gradient(partial(logits_of, model), images, labels)
