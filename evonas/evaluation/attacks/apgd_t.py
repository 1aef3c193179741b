"""Auto-PGD towards other classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from evonas.evaluation.attacks.base import AttackOptions
from evonas.evaluation.attacks.package import LOGGER, Packaged, classes_of, in_rows, member, targets
from evonas.evaluation.attacks.undisturbed import Model
from evonas.evaluation.registered import attacks
from spaces.errors import UsageError

MIN_CLASSES = 4  # the targeted DLR loss takes the fourth largest logit


@attacks.register("apgd-t")
@dataclass(frozen=True)
class ApgdT(Packaged):
    """Auto-PGD on the targeted difference-of-logits ratio, for the nine most likely other classes in turn."""

    name = "apgd-t"
    source = (
        'Croce, Hein, "Reliable evaluation of adversarial robustness with an ensemble of '
        'diverse parameter-free attacks", ICML 2020'
    )

    steps: int = 100
    restarts: int = 1  # for each class

    @classmethod
    def from_options(cls, options: AttackOptions) -> ApgdT:
        return cls(options.steps, options.restarts)

    def describe(self, epsilon: float, classes: int) -> dict[str, Any]:
        return {"epsilon": epsilon, "steps": self.steps, "restarts": self.restarts, "targets": targets(classes)}

    def require_classes(self, count: int) -> None:
        if count < MIN_CLASSES:
            raise UsageError(
                f"attack {self.name} needs at least {MIN_CLASSES} classes, but the model has {count}; "
                "use --attacks pgd,apgd-ce,square"
            )

    def made(self, model: Model, images: Tensor, radius: float, seed: int) -> Any:
        classes = classes_of(model, images)
        self.require_classes(classes)
        return member("autopgd_base", "APGDAttack_targeted")(
            in_rows(model),
            n_iter=self.steps,
            n_restarts=self.restarts,
            eps=radius,
            seed=seed,
            n_target_classes=targets(classes),
            device=images.device,
            logger=LOGGER,
        )
