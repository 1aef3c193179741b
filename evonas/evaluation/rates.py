"""Accuracies, their confidence intervals, and a sign test."""

from __future__ import annotations

import math
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
    """``right`` of ``n`` images are classified correctly."""

    right: int
    n: int

    @property
    def accuracy(self) -> float:
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval."""
        return wilson(self.right, self.n)

    def as_json(self) -> dict[str, Any]:
        return {"accuracy": self.accuracy, "n": self.n, "ci95": list(self.interval)}


def hrs(clean: float, robust: float) -> float:
    """Harmonic robustness score 2 C R / (C + R) of two accuracies; 0 where both are."""
    return 2 * clean * robust / (clean + robust) if clean + robust else 0.0


def sign_test(against: int, in_favour: int) -> float:
    """P(X >= against) for X ~ binomial(against + in_favour, 1/2): small if too much speaks against."""
    n = against + in_favour
    return sum(math.comb(n, k) for k in range(against, n + 1)) / 2**n
