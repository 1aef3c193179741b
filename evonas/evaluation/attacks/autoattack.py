"""AutoAttack in its standard version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evonas.evaluation.attacks.apgd_ce import ApgdCE
from evonas.evaluation.attacks.apgd_t import ApgdT
from evonas.evaluation.attacks.base import Attack, AttackOptions
from evonas.evaluation.attacks.fab_t import FabT
from evonas.evaluation.attacks.package import ENSEMBLE, Packaged, targets
from evonas.evaluation.attacks.square import Square
from evonas.evaluation.registered import attacks

MEMBERS = (ApgdCE(steps=100), ApgdT(steps=100), FabT(steps=100), Square(queries=5000))


@attacks.register("autoattack")
@dataclass(frozen=True)
class AutoAttack(Packaged):
    """The standard ensemble APGD-CE, APGD-T, FAB-T, Square, each on the images that are still correct.

    Its numbers are fixed: 100 steps, one restart, nine targets, 5,000 queries.
    """

    name = "autoattack"
    source = ENSEMBLE

    @classmethod
    def from_options(cls, options: AttackOptions) -> AutoAttack:
        return cls()

    @property
    def parts(self) -> tuple[Attack, ...]:
        return MEMBERS

    def describe(self, epsilon: float, classes: int) -> dict[str, Any]:
        return {
            "epsilon": epsilon,
            "version": "standard",
            "steps": 100,
            "targets": targets(classes),
            "queries": 5000,
        }
