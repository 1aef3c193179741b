"""How far a winner is from random genotypes of its size, with an interval over genotypes and retrainings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evonas.evaluation.controls import Column
from evonas.evaluation.spread import quantile

Trainings = Sequence[float]  # accuracies of one genotype


def column(winner: Trainings, controls: Sequence[Trainings]) -> Column:
    """The winner's trainings against those of K controls, of which none is empty.

    The percentile is the share of controls whose mean is below the winner's, plus half of those whose mean is
    equal. The relative improvement is 100 (m - r) / r with the winner's mean m and the controls' mean r.
    Source: Yang, Esperanca and Carlucci, "NAS evaluation is frustratingly hard", ICLR 2020.
    """
    mean, means = _mean(winner), [_mean(one) for one in controls]
    below, equal = sum(one < mean for one in means), sum(one == mean for one in means)
    of_controls = _mean(means) if means else None
    return Column(
        winner=mean,
        controls=tuple(means),
        mean=of_controls,
        sd=math.sqrt(_variance(means)) if len(means) > 1 else None,
        below=below,
        equal=equal,
        difference=None if of_controls is None else mean - of_controls,
        interval=interval(winner, controls),
    )


def interval(winner: Trainings, controls: Sequence[Trainings]) -> tuple[float, float] | None:
    """The 95 % interval of the difference D between a winner and the mean of K controls; None if K is below 2.

    One training each: the prediction interval D -+ t s sqrt(1 + 1 / K), s the standard deviation of the controls,
    t the quantile of Student's distribution of K - 1 degrees. It excludes 0 only if the winner is not one of them.

    R trainings of the winner, several of some genotype: D -+ t SE with SE^2 = w / R + m / K, where w is the
    variance within genotypes, pooled over winner and controls with n degrees, and m that of the means of the
    controls with K - 1. The degrees of t are Satterthwaite's, SE^4 / ((w / R)^2 / n + (m / K)^2 / (K - 1)).
    Source: Satterthwaite, "An approximate distribution of estimates of variance components", 1946.
    """
    count = len(controls)
    if count < 2:
        return None
    means = [_mean(one) for one in controls]
    difference, between = _mean(winner) - _mean(means), _variance(means)
    freedom = sum(len(one) - 1 for one in (winner, *controls))
    if not freedom:
        half = quantile(count - 1) * math.sqrt(between * (1 + 1 / count))
        return difference - half, difference + half
    within = math.fsum(_variance(one) * (len(one) - 1) for one in (winner, *controls) if len(one) > 1) / freedom
    parts = within / len(winner), between / count
    square, terms = sum(parts), parts[0] ** 2 / freedom + parts[1] ** 2 / (count - 1)
    half = quantile(square**2 / terms) * math.sqrt(square) if terms > 0 else 0.0
    return difference - half, difference + half


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
