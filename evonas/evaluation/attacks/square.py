"""The Square attack, which uses logits but no gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evonas.evaluation.attacks.base import AttackOptions
from evonas.evaluation.attacks.package import Member
from evonas.evaluation.registered import attacks


@attacks.register("square")
@dataclass(frozen=True)
class Square(Member):
    """Random coloured squares on the boundary of the ball, kept if they lower the margin; gradient-free."""

    name = "square"
    source = (
        'Andriushchenko et al., "Square Attack: a query-efficient black-box adversarial '
        'attack via random search", ECCV 2020'
    )
    home = ("square", "SquareAttack")
    constants = (("p_init", 0.8), ("resc_schedule", False))

    queries: int = 5000
    restarts: int = 1

    @classmethod
    def from_options(cls, options: AttackOptions) -> Square:
        return cls(options.queries, options.restarts)

    def arguments(self) -> dict[str, Any]:
        return {"n_queries": self.queries}
