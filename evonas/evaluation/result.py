"""The result of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evonas.evaluation.checks import Check
from evonas.evaluation.rates import Rate, hrs


@dataclass(frozen=True)
class Attacked:
    """One attack at one epsilon: its settings, the accuracy, and the accuracy after each of its parts."""

    numbers: Mapping[str, Any]  # epsilon, steps, ..., sizes in 1/255
    rate: Rate
    parts: tuple[tuple[str, Rate], ...]

    def as_json(self) -> dict[str, Any]:
        found = {**self.rate.as_json(), **self.numbers}
        if len(self.parts) > 1:
            found["parts"] = [{"name": name, "accuracy": rate.accuracy} for name, rate in self.parts]
        return found


@dataclass(frozen=True)
class Evaluation:
    """Accuracies on clean, attacked and corrupted images, from 0 to 1; epsilons in 1/255."""

    clean: Rate
    epsilons: tuple[float, ...]  # the first is the headline
    attacks: Mapping[str, Mapping[float, Attacked]]
    checks: tuple[Check, ...]
    protocol: Mapping[str, Any]
    corruptions: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # of the network
    versions: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None  # path of the saved result

    @property
    def hrs(self) -> dict[str, float]:
        """For each attack at the first epsilon."""
        return {name: self.hrs_at(name, self.epsilons[0]) for name in self.attacks}

    def hrs_at(self, attack: str, epsilon: float) -> float:
        """Harmonic mean of clean and robust accuracy for one attack at one epsilon."""
        return hrs(self.clean.accuracy, self.attacks[attack][epsilon].rate.accuracy)

    def as_json(self) -> dict[str, Any]:
        """Each attack at the first epsilon under its name, all epsilons under ``epsilons``."""
        headline = {name: found[self.epsilons[0]].as_json() for name, found in self.attacks.items()}
        return {
            **self.facts,
            "clean": self.clean.as_json(),
            **headline,
            "corruptions": self.corruptions,
            "hrs": self.hrs,
            "epsilons": {
                f"{epsilon:g}": {name: found[epsilon].as_json() for name, found in self.attacks.items()}
                for epsilon in self.epsilons
            },
            "checks": [check.as_json() for check in self.checks],
            "protocol": dict(self.protocol),
            "versions": dict(self.versions),
        }
