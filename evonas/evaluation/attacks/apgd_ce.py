"""Auto-PGD on the cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

from evonas.evaluation.attacks.package import ENSEMBLE, LOGGER, Iterated
from evonas.evaluation.registered import attacks


@attacks.register("apgd-ce")
@dataclass(frozen=True)
class ApgdCE(Iterated):
    """PGD with momentum and adaptive step size; keeps the best point of the trajectory."""

    name = "apgd-ce"
    source = ENSEMBLE
    home = ("autopgd_base", "APGDAttack")
    constants = (("loss", "ce"), ("logger", LOGGER))
