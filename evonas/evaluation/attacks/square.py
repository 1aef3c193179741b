"""The Square attack, which uses logits but no gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from evonas.evaluation.attacks.base import AttackOptions
from evonas.evaluation.attacks.package import Packaged, in_rows, member
from evonas.evaluation.attacks.undisturbed import Model
from evonas.evaluation.registered import attacks


@attacks.register("square")
@dataclass(frozen=True)
class Square(Packaged):
    """Random coloured squares on the boundary of the ball, kept if they lower the margin; gradient-free."""

    name = "square"
    source = (
        'Andriushchenko et al., "Square Attack: a query-efficient black-box adversarial '
        'attack via random search", ECCV 2020'
    )

    queries: int = 5000
    restarts: int = 1

    @classmethod
    def from_options(cls, options: AttackOptions) -> Square:
        return cls(options.queries, options.restarts)

    def describe(self, epsilon: float, classes: int) -> dict[str, Any]:
        return {"epsilon": epsilon, "queries": self.queries, "restarts": self.restarts}

    def made(self, model: Model, images: Tensor, radius: float, seed: int) -> Any:
        return member("square", "SquareAttack")(
            in_rows(model),
            n_queries=self.queries,
            n_restarts=self.restarts,
            eps=radius,
            p_init=0.8,
            seed=seed,
            resc_schedule=False,
            device=images.device,
        )
