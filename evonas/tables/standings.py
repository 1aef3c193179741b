"""What the trials of one algorithm found, and what random search finds on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import t as student

from evonas.tables.statistics import LEVEL, Floats
from evonas.tables.trial import Trial


class Average(NamedTuple):
    """A mean over trials with its standard deviation and its 95 % interval; None for a single trial."""

    mean: float
    sd: float | None
    ci95: tuple[float, float] | None

    @property
    def half_width(self) -> float | None:
        return None if self.ci95 is None else (self.ci95[1] - self.ci95[0]) / 2


class Reached(NamedTuple):
    """How many queries a regret took: the median over trials, None if fewer than half of them reached it."""

    median: float | None
    share: float


@dataclass(frozen=True)
class Standing:
    """One algorithm on one target. Values are those of the row that was best by what the algorithm searched."""

    values: tuple[Average, ...]  # after each number of queries
    regrets: tuple[Average, ...]
    at_optimum: tuple[float, ...]  # shares of the trials
    reached: Mapping[float, Reached]  # by regret
    reported: Mapping[str, Average]  # other columns of the row that was found in the end
    mean: Floats  # (evaluations,), the curve
    half_width: Floats  # (evaluations,), of its 95 % interval; NaN for a single trial
    feasible: float  # mean share of the queried architectures

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        regret = _together(self.regrets)
        return {
            **_together(self.values),
            "regret": regret,
            "at_optimum": list(self.at_optimum),
            "queries": {f"{bound:g}": found._asdict() for bound, found in self.reached.items()},
            "report": {name: average._asdict() for name, average in self.reported.items()},
        }


def _together(averages: Sequence[Average]) -> dict[str, list[Any]]:
    return {name: [getattr(average, name) for average in averages] for name in Average._fields}


def standing(
    trials: Sequence[Trial],
    target: Floats,
    sign: int,
    at: Sequence[int],
    bounds: Mapping[float, float],
    report: Mapping[str, Floats],
    evaluations: int,
) -> Standing:
    """The standing of ``trials`` on a target with its numbers by row, of which ``sign`` times the largest is best.

    ``at`` are numbers of queries, ``bounds`` are regrets by their names, ``report`` has other numbers by row.
    """
    every = np.arange(1, evaluations + 1)
    rows = np.stack([trial.incumbents(every) for trial in trials])  # (T, E)
    values = target[rows]
    regrets = float((sign * target).max()) - sign * values
    places = np.array(at) - 1
    mean, _, half = _averages(values)
    return Standing(
        values=_listed(values[:, places]),
        regrets=_listed(regrets[:, places]),
        at_optimum=tuple((regrets[:, places] == 0).mean(axis=0).tolist()),
        reached={name: _reached(regrets <= bound) for name, bound in bounds.items()},
        reported={name: _listed(numbers[rows[:, -1:]])[0] for name, numbers in report.items()},
        mean=mean,
        half_width=half,
        feasible=float(np.mean([trial.feasible_share for trial in trials])),
    )


def _averages(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, standard deviation and half-width of the interval of every column, (T, N) to (N,) each."""
    count = len(values)
    if count < 2:
        nothing = np.full(values.shape[1], np.nan)
        return values.mean(axis=0), nothing, nothing
    deviation = values.std(axis=0, ddof=1)
    return values.mean(axis=0), deviation, student.ppf((1 + LEVEL) / 2, count - 1) * deviation / np.sqrt(count)


def _listed(values: Floats) -> tuple[Average, ...]:
    columns = zip(*(part.tolist() for part in _averages(values)), strict=True)
    return tuple(
        Average(mean, None, None) if np.isnan(sd) else Average(mean, sd, (mean - half, mean + half))
        for mean, sd, half in columns
    )


def _reached(good: NDArray[np.bool_]) -> Reached:
    """From whether each trial is there after each number of queries, (T, E)."""
    there = good.any(axis=1)
    first = np.where(there, good.argmax(axis=1) + 1.0, np.inf)
    median = float(np.median(first)) if there.mean() > 0.5 else float("inf")
    return Reached(None if np.isinf(median) else median, float(there.mean()))


def expected(searched: Floats, target: Floats, at: Sequence[int]) -> list[float]:
    """The exact mean of ``target`` where ``searched``, (N,) each, is largest among n random rows, for n in ``at``.

    Of rows in ascending order, the best of n different ones is among the first k with probability
    C(k, n) / C(N, n); rows with equal values take turns.
    """
    count = len(searched)
    place = np.unique(searched, return_inverse=True)[1]
    sizes = np.bincount(place)
    means = np.bincount(place, weights=target) / sizes  # of rows with the same value
    k = sizes.cumsum().astype(np.float64)
    found = []
    for n in at:
        below = np.where(k >= n, np.exp(_choose(np.maximum(k, n), n) - _choose(count, n)), 0.0)
        found.append(float(means @ np.diff(below, prepend=0.0)))
    return found


def _choose(k: Any, n: int) -> Any:
    return gammaln(k + 1) - gammaln(n + 1) - gammaln(k - n + 1)
