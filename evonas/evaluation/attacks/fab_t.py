"""The fast adaptive boundary attack towards other classes."""

from __future__ import annotations

from dataclasses import dataclass

from evonas.evaluation.attacks.package import Iterated
from evonas.evaluation.registered import attacks


@attacks.register("fab-t")
@dataclass(frozen=True)
class FabT(Iterated):
    """The nearest point beyond the linearised boundary to each of the nine most likely other classes."""

    name = "fab-t"
    source = (
        'Croce, Hein, "Minimally distorted Adversarial Examples with a Fast Adaptive Boundary Attack", ICML 2020'
    )
    home = ("fab_pt", "FABAttack_PT")
    constants = (("targeted", True),)
    targeted = True
