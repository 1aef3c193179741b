"""Accuracy against epsilon: clean, attacked and certified."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.evaluation.result import Evaluation
from evonas.reporting.colours import attack_colour


@dataclass(frozen=True)
class Curve:
    """One attack or certificate, from the clean accuracy at epsilon 0; percent, with 95 % intervals."""

    name: str
    colour: str
    epsilons: list[float]
    accuracy: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def curves(evaluation: Evaluation) -> list[Curve]:
    """A curve for each attack, then one for each certificate."""
    lines = {name: evaluation.against_epsilon(name) for name in evaluation.attacks}
    for name, certified in evaluation.certified.items():
        rates = sorted((epsilon, rate) for epsilon, rate in certified.rates.items() if epsilon > 0)
        lines[f"{name} certified"] = [(0.0, evaluation.clean), *rates]
    found = []
    for place, (name, points) in enumerate(lines.items()):
        accuracy = 100 * np.array([rate.accuracy for _, rate in points])
        low, high = 100 * np.array([rate.interval for _, rate in points]).T
        found.append(Curve(name, attack_colour(place), [epsilon for epsilon, _ in points], accuracy, low, high))
    return found
