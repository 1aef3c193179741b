"""Accuracies, their confidence intervals, and a sign test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Z95 = 1.959963984540054  # of the normal distribution, two-sided 95 %


def wilson(right: float, n: int, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval of right / n: (p + z^2/2n -+ z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n).

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    p, scale = right / n, 1 + z * z / n
    middle = (p + z * z / (2 * n)) / scale
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    low = 0.0 if right == 0 else max(0.0, middle - half)
    return low, 1.0 if right == n else min(1.0, middle + half)


@dataclass(frozen=True)
class Rate:
    """The share of ``n`` images, from 0 to 1, with its 95 % interval."""

    accuracy: float
    n: int
    interval: tuple[float, float]

    @classmethod
    def of(cls, right: int, n: int) -> Rate:
        """``right`` of ``n`` images, with the Wilson interval."""
        return cls(right / n, n, wilson(right, n))

    @property
    def right(self) -> int:
        """The number of images."""
        return round(self.accuracy * self.n)

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`."""
        return {"accuracy": self.accuracy, "n": self.n, "ci95": list(self.interval)}

    @classmethod
    def from_json(cls, values: Any) -> Rate:
        """The inverse of `as_json`; other keys are ignored. Raises `ValueError` if it is not that."""
        if not isinstance(values, Mapping):
            raise ValueError("an accuracy is not a JSON object")
        n, ends = values.get("n"), values.get("ci95")
        if type(n) is not int or n < 1:
            raise ValueError("n is not a positive number of images")
        if not isinstance(ends, list) or len(ends) != 2:
            raise ValueError("ci95 is not a pair of numbers")
        return cls(share(values.get("accuracy"), "accuracy"), n, (share(ends[0], "ci95"), share(ends[1], "ci95")))


def share(value: Any, name: str) -> float:
    """``value`` if it is a number from 0 to 1, else raises `ValueError`."""
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise ValueError(f"{name} is not a number from 0 to 1")
    return float(value)


def hrs(clean: float, robust: float) -> float:
    """Harmonic robustness score 2 C R / (C + R) of two accuracies; 0 where both are."""
    return 2 * clean * robust / (clean + robust) if clean + robust else 0.0


def sign_test(against: int, in_favour: int) -> float:
    """P(X >= against) for X ~ binomial(against + in_favour, 1/2): small if too much speaks against."""
    n = against + in_favour
    return sum(math.comb(n, k) for k in range(against, n + 1)) / 2**n
