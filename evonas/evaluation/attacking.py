"""An attack at one epsilon as an assessment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from evonas.evaluation.assessment import Assessment
from evonas.evaluation.attacks.base import Attack
from evonas.evaluation.attacks.draws import Draws
from evonas.evaluation.journal import Json
from evonas.evaluation.outcomes import Attacked
from evonas.evaluation.subject import Subject


@dataclass(frozen=True)
class AttackAt(Assessment):
    """The images that stay correctly classified under ``attack``; ``epsilon`` in 1/255."""

    name = "attack"

    attack: Attack
    epsilon: float

    @property
    def title(self) -> str:
        return f"{self.attack.name} {self.epsilon:g}/255"

    def identity(self) -> Mapping[str, Json]:
        return {**self.attack.settings(), "epsilon": self.epsilon}

    def versions(self) -> dict[str, str]:
        return self.attack.versions()

    def require(self, subject: Subject) -> None:
        self.attack.require_classes(subject.classes)

    def run(self, subject: Subject) -> Attacked:
        left = left_by(subject, self.attack, self.epsilon, subject.right)
        parts = tuple((name, subject.rate(right).accuracy) for name, right in left)
        numbers = self.attack.recorded(self.epsilon, subject.classes)
        return Attacked.of(numbers, subject.rate(left[-1][1]), parts, tuple(left), self.attack.name)


def left_by(subject: Subject, attack: Attack, epsilon: float, right: Tensor) -> list[tuple[str, Tensor]]:
    """The images, bool (N,), that stay correct after each part of ``attack``, out of those where ``right``.

    ``right`` bool (N,), ``epsilon`` in 1/255. Each part attacks what the parts before it have left.
    """
    outcomes = []
    for number, part in enumerate(attack.parts):
        what = f"{attack.name} {epsilon:g}/255"
        if len(attack.parts) > 1:
            what += f", {number + 1} of {len(attack.parts)}" + f" ({part.name})" * (part.name != attack.name)
        right = _left_by_part(subject, part, epsilon, right, what)
        outcomes.append((part.name, right))
    return outcomes


def _left_by_part(subject: Subject, part: Attack, epsilon: float, right: Tensor, what: str) -> Tensor:
    def still(indices: Tensor) -> Json:
        pixels, labels = subject.load(indices)
        draws = Draws(subject.seed, tuple(indices.tolist()), subject.chunk_of(int(indices[0])))
        moved = part(subject.model, pixels, labels, epsilon, draws)
        return indices[subject.correct(moved, labels)].tolist()

    results = subject.each([part.settings(), epsilon], still, what, right, name=f"{part.name} {epsilon:g}/255")
    return subject.mask(results, right)
