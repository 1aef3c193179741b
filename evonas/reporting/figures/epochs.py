"""Accuracies by epoch."""

from __future__ import annotations

from dataclasses import dataclass

from evonas.reporting.facts import TrainingFacts


@dataclass(frozen=True)
class Epochs:
    """Percent, one value an epoch."""

    epochs: list[int]
    training: list[float]  # on the training images as used
    validation: list[float]
    robust: list[float] | None  # validation under PGD, NaN where it was not measured; None: never


def epochs(facts: TrainingFacts) -> Epochs | None:
    """The series of a training; None before the first epoch."""
    rows = facts.epochs
    if not rows:
        return None
    robust = [float("nan") if row.robust is None else 100 * row.robust for row in rows]
    return Epochs(
        [row.epoch for row in rows],
        [100 * row.accuracy for row in rows],
        [100 * row.validation for row in rows],
        robust if any(row.robust is not None for row in rows) else None,
    )
