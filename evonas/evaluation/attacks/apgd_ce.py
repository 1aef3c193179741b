"""Auto-PGD on the cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from evonas.evaluation.attacks.base import AttackOptions
from evonas.evaluation.attacks.package import LOGGER, Packaged, in_rows, member
from evonas.evaluation.attacks.undisturbed import Model
from evonas.evaluation.registered import attacks


@attacks.register("apgd-ce")
@dataclass(frozen=True)
class ApgdCE(Packaged):
    """PGD with momentum and adaptive step size; keeps the best point of the trajectory."""

    name = "apgd-ce"
    source = (
        'Croce, Hein, "Reliable evaluation of adversarial robustness with an ensemble of '
        'diverse parameter-free attacks", ICML 2020'
    )

    steps: int = 100
    restarts: int = 1

    @classmethod
    def from_options(cls, options: AttackOptions) -> ApgdCE:
        return cls(options.steps, options.restarts)

    def describe(self, epsilon: float, classes: int) -> dict[str, Any]:
        return {"epsilon": epsilon, "steps": self.steps, "restarts": self.restarts}

    def made(self, model: Model, images: Tensor, radius: float, seed: int) -> Any:
        return member("autopgd_base", "APGDAttack")(
            in_rows(model),
            n_iter=self.steps,
            n_restarts=self.restarts,
            eps=radius,
            seed=seed,
            loss="ce",
            device=images.device,
            logger=LOGGER,
        )
