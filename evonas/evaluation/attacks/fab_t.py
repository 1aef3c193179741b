"""The fast adaptive boundary attack towards other classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from evonas.evaluation.attacks.base import AttackOptions
from evonas.evaluation.attacks.package import Packaged, classes_of, in_rows, member, targets
from evonas.evaluation.attacks.undisturbed import Model
from evonas.evaluation.registered import attacks


@attacks.register("fab-t")
@dataclass(frozen=True)
class FabT(Packaged):
    """The nearest point beyond the linearised boundary to each of the nine most likely other classes."""

    name = "fab-t"
    source = (
        'Croce, Hein, "Minimally distorted Adversarial Examples with a Fast Adaptive Boundary Attack", ICML 2020'
    )

    steps: int = 100
    restarts: int = 1  # for each class

    @classmethod
    def from_options(cls, options: AttackOptions) -> FabT:
        return cls(options.steps, options.restarts)

    def describe(self, epsilon: float, classes: int) -> dict[str, Any]:
        return {"epsilon": epsilon, "steps": self.steps, "restarts": self.restarts, "targets": targets(classes)}

    def made(self, model: Model, images: Tensor, radius: float, seed: int) -> Any:
        return member("fab_pt", "FABAttack_PT")(
            in_rows(model),
            n_iter=self.steps,
            n_restarts=self.restarts,
            eps=radius,
            seed=seed,
            targeted=True,
            device=images.device,
            n_target_classes=targets(classes_of(model, images)),
        )
