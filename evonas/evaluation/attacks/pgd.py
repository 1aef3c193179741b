"""Projected gradient descent."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from evonas.evaluation.attacks.base import Attack, AttackOptions
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.registered import attacks
from evonas.training.attack_steps import ascend, box
from evonas.training.logits import logits_of
from evonas.training.undisturbed import Model

DEFAULT_STEP = 2.5  # times radius / steps


@attacks.register("pgd")
@dataclass(frozen=True)
class PGD(Attack):
    """Many small steps along the sign of the gradient from a random start; returns the last point.

    x_0 uniform in the ball, x_(t+1) = clip(x_t + step sign(grad_x L(f(x_t), y))), clip into the ball and [0, 1].
    """

    name = "pgd"
    version = 2  # 1 drew the random start from another generator
    source = 'Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018'

    steps: int = 20
    step_size: float | None = None  # in 1/255; 2.5 epsilon / steps
    restarts: int = 1
    start: int = 0  # the number of the first restart
    random_start: bool = True

    @classmethod
    def from_options(cls, options: AttackOptions) -> PGD:
        return cls(options.steps, options.step_size, options.restarts)

    @property
    def parts(self) -> tuple[Attack, ...]:
        if self.restarts == 1:
            return (self,)
        return tuple(
            dataclasses.replace(self, restarts=1, start=self.start + number) for number in range(self.restarts)
        )

    def step(self, epsilon: float) -> float:
        """The step size in the unit of ``epsilon``, 1/255."""
        return DEFAULT_STEP * epsilon / self.steps if self.step_size is None else self.step_size

    def describe(self, epsilon: float, classes: int) -> dict[str, Any]:
        return {
            "epsilon": epsilon,
            "steps": self.steps,
            "step_size": self.step(epsilon),
            "restarts": self.restarts,
            "random_start": self.random_start,
        }

    def perturb(self, model: Model, images: Tensor, labels: Tensor, radius: float, draws: Draws) -> Tensor:
        step, start = self.step(255 * radius) / 255, images
        if self.random_start:
            noise = draws.uniform(f"pgd start {self.start}", tuple(images.shape[1:])).to(images)
            low, high = box(images, radius)
            start = (images + radius * noise).clamp(low, high)
        return ascend(partial(logits_of, model), images, labels, start, radius, step, self.steps)
