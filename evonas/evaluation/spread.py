"""The mean of a few trainings, and how far it may be from that of many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evonas.evaluation.rates import share

LEVEL = 0.95


def quantile(freedom: float) -> float:
    """The quantile of Student's t that a two-sided 95 % interval needs."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


@dataclass(frozen=True)
class Spread:
    """Accuracies of several trainings of one genotype, from 0 to 1, in order of their seeds."""

    values: tuple[float, ...]
    mean: float
    sd: float | None  # between trainings; None for one
    interval: tuple[float, float] | None  # of the mean over all trainings, 95 %

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """K values: mean m, standard deviation s, and m -+ t s / sqrt(K) with Student's t of K - 1 degrees.

        The interval is cut off at 0 and 1.
        """
        count, mean = len(values), math.fsum(values) / len(values)
        if count == 1:
            return cls(tuple(values), mean, None, None)
        sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
        half = quantile(count - 1) * sd / math.sqrt(count)
        return cls(tuple(values), mean, sd, (max(0.0, mean - half), min(1.0, mean + half)))

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`."""
        interval = None if self.interval is None else list(self.interval)
        return {"values": list(self.values), "mean": self.mean, "sd": self.sd, "ci95": interval}

    @classmethod
    def from_json(cls, found: Any, name: str) -> Spread:
        """The inverse of `as_json`. Raises `ValueError` if it is not that."""
        try:
            values = tuple(share(value, name) for value in found["values"])
            sd, ends = found["sd"], found["ci95"]
            interval = None if ends is None else (share(ends[0], name), share(ends[1], name))
            return cls(values, share(found["mean"], name), None if sd is None else share(sd, name), interval)
        except (TypeError, KeyError, IndexError) as error:
            raise ValueError(f"{name} is not a mean over trainings") from error
