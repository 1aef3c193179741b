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
        predicted = subject.predicted.clone() if subject.keeps_predictions else None
        left = left_by(subject, self.attack, self.epsilon, subject.right, predicted)
        parts = tuple((name, subject.rate(right).accuracy) for name, right in left)
        numbers = self.attack.recorded(self.epsilon, subject.classes)
        rate = subject.rate(left[-1][1])
        return Attacked.of(numbers, rate, parts, tuple(left), self.attack.name, predicted)


def left_by(
    subject: Subject, attack: Attack, epsilon: float, right: Tensor, predicted: Tensor | None = None
) -> list[tuple[str, Tensor]]:
    """The images, bool (N,), that stay correct after each part of ``attack``, out of those where ``right``.

    ``right`` bool (N,), ``epsilon`` in 1/255. Each part attacks what the parts before it have left, and writes the
    classes that are predicted for these into ``predicted``, int64 (N,).
    """
    outcomes = []
    for number, part in enumerate(attack.parts):
        what = f"{attack.name} {epsilon:g}/255"
        if len(attack.parts) > 1:
            what += f", {number + 1} of {len(attack.parts)}" + f" ({part.name})" * (part.name != attack.name)
        right = _left_by_part(subject, part, epsilon, right, what, predicted)
        outcomes.append((part.name, right))
    return outcomes


def _left_by_part(
    subject: Subject, part: Attack, epsilon: float, right: Tensor, what: str, predicted: Tensor | None
) -> Tensor:
    key, name = [part.settings(), epsilon], f"{part.name} {epsilon:g}/255"

    def moved(indices: Tensor) -> tuple[Tensor, Tensor]:
        pixels, labels = subject.load(indices)
        draws = Draws(subject.seed, tuple(indices.tolist()), subject.chunk_of(int(indices[0])))
        return part(subject.model, pixels, labels, epsilon, draws), labels

    def still(indices: Tensor) -> Json:
        return indices[subject.correct(*moved(indices))].tolist()

    if predicted is None:
        return subject.mask(subject.each(key, still, what, right, name=name), right)
    classes = subject.predictions(key, lambda i: subject.predict(moved(i)[0]), what, right, (0, 2), name)

    def kept(indices: Tensor) -> Json:
        return indices[classes[indices] == subject.labels[indices]].tolist()

    left = subject.mask(subject.each(key, kept, what, right, (1, 2), name), right)
    subject.require_same(left, right & (classes == subject.labels), what)
    predicted[right] = classes[right]
    return left
