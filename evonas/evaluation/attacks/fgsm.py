"""The fast gradient sign method."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from evonas.evaluation.attacks.base import Attack, AttackOptions, box, gradient
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.attacks.undisturbed import Model
from evonas.evaluation.registered import attacks


@attacks.register("fgsm")
@dataclass(frozen=True)
class FGSM(Attack):
    """One step of size epsilon along the sign of the gradient: x + eps sign(grad_x L(f(x), y))."""

    name = "fgsm"
    source = 'Goodfellow, Shlens, Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015'

    @classmethod
    def from_options(cls, options: AttackOptions) -> FGSM:
        return cls()

    def perturb(self, model: Model, images: Tensor, labels: Tensor, radius: float, draws: Draws) -> Tensor:
        low, high = box(images, radius)
        return (images + radius * gradient(model, images, labels).sign()).clamp(low, high)
