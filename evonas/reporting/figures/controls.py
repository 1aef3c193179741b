"""The accuracies of a winner and of random genotypes of its size."""

from __future__ import annotations

from typing import NamedTuple

from evonas.evaluation.columns import label_of
from evonas.evaluation.controls import Comparison


class Strip(NamedTuple):
    """One column in percent: a point per control, their mean, and the winner."""

    label: str
    controls: list[float]
    mean: float | None
    winner: float
    about: str


def strips(found: Comparison) -> list[Strip]:
    """A strip for each column."""
    return [
        Strip(
            label_of(name),
            [100 * value for value in one.controls],
            None if one.mean is None else 100 * one.mean,
            100 * one.winner,
            one.in_words,
        )
        for name, one in found.columns.items()
    ]
