"""Auto-PGD towards other classes."""

from __future__ import annotations

from dataclasses import dataclass

from evonas.evaluation.attacks.package import ENSEMBLE, LOGGER, Iterated
from evonas.evaluation.registered import attacks
from spaces.errors import UsageError

MIN_CLASSES = 4  # the targeted DLR loss takes the fourth largest logit


@attacks.register("apgd-t")
@dataclass(frozen=True)
class ApgdT(Iterated):
    """Auto-PGD on the targeted difference-of-logits ratio, for the nine most likely other classes in turn."""

    name = "apgd-t"
    source = ENSEMBLE
    home = ("autopgd_base", "APGDAttack_targeted")
    constants = (("logger", LOGGER),)
    targeted = True

    def require_classes(self, count: int) -> None:
        if count < MIN_CLASSES:
            raise UsageError(
                f"attack {self.name} needs at least {MIN_CLASSES} classes, but the model has {count}; "
                "use --attacks pgd,apgd-ce,square"
            )
