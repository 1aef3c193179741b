"""The fast gradient sign method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from torch import Tensor

from evonas.evaluation.attacks.base import Attack, AttackOptions
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.registered import attacks
from evonas.training.attack_steps import ascend
from evonas.training.logits import logits_of
from evonas.training.undisturbed import Model


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
        return ascend(partial(logits_of, model), images, labels, images, radius, step=radius, steps=1)
