"""Several trainings of one architecture, each a row of a table with another seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SEED = "seed"  # the column that tells trainings of one architecture apart


class Noise(NamedTuple):
    """How far retrainings of one architecture differ, next to how far architectures do."""

    sd: float  # between trainings of one architecture, pooled over architectures
    icc: float  # intraclass correlation: the share of the variance of one training that is architecture
    ceiling: float  # what a perfect score could correlate with the means over trainings
    icc_low: float  # 95 % interval of icc, over architectures and retrainings
    icc_high: float


@dataclass(frozen=True)
class Trainings:
    """The rows of a table before those of one architecture were averaged."""

    architectures: NDArray[np.intp]  # (trainings,), the row of the averaged table that each belongs to
    columns: Mapping[str, NDArray[np.float64]]  # (trainings,) each, NaN if empty

    def rows(self, kept: NDArray[np.bool_]) -> Trainings:
        """The trainings of the architectures where ``kept``, (architectures,), is true."""
        here = kept[self.architectures]
        numbers = np.cumsum(kept) - 1
        return Trainings(
            numbers[self.architectures[here]], {name: values[here] for name, values in self.columns.items()}
        )

    def noise(self, values: NDArray[np.float64]) -> Noise | None:
        """The noise of ``values``, (trainings,); None unless several architectures and several trainings of one.

        One-way analysis of variance with random effects and groups of unequal size: with the mean squares B
        between and W within architectures, icc = (B - W) / (B + (n - 1) W), cut off at 0. With the variance A =
        W icc / (1 - icc) of the architectures, the ceiling is sqrt(A / (A + W mean(1 / n_i))), n_i trainings each.
        The interval is that of B / W by the F distribution, exact for groups of equal size.
        Source: Donner, "A Review of Inference Procedures for the Intraclass Correlation Coefficient", 1986.
        """
        known = np.isfinite(values)
        _, group = np.unique(self.architectures[known], return_inverse=True)
        values, sizes = values[known], np.bincount(group)
        total, groups = len(values), len(sizes)
        if groups < 2 or total == groups:
            return None
        means = np.bincount(group, values) / sizes
        within = float(((values - means[group]) ** 2).sum()) / (total - groups)
        between = float((sizes * (means - values.mean()) ** 2).sum()) / (groups - 1)
        size = (total - float((sizes**2).sum()) / total) / (groups - 1)
        spread = between + (size - 1) * within
        icc = max(0.0, (between - within) / spread) if spread > 0 else 0.0
        share = icc + (1 - icc) * float((1 / sizes).mean())  # A and the noise of the means, of A + W
        low, high = _interval(between, within, size, groups - 1, total - groups)
        return Noise(within**0.5, icc, (icc / share) ** 0.5, low, high)


def _interval(between: float, within: float, size: float, above: int, below: int) -> tuple[float, float]:
    """The 95 % interval of the intraclass correlation; ``above`` and ``below`` are degrees of freedom."""
    from scipy.stats import f

    if within == 0:
        return (0.0, 1.0) if between == 0 else (1.0, 1.0)
    ratios = (between / within / f.ppf(quantile, above, below) for quantile in (0.975, 0.025))
    low, high = (min(1.0, max(0.0, (ratio - 1) / (ratio + size - 1))) for ratio in ratios)
    return low, high


def averaged(
    genotypes: Sequence[Any], columns: Mapping[str, NDArray[np.float64]]
) -> tuple[list[int], dict[str, NDArray[np.float64]], Trainings | None]:
    """The first row of every genotype, the mean of its rows in every column, and the rows themselves.

    A mean is over the cells that are not empty. Without a genotype in several rows nothing changes.
    """
    numbers: dict[Any, int] = {}
    group = np.array([numbers.setdefault(genotype, len(numbers)) for genotype in genotypes], dtype=np.intp)
    if len(numbers) == len(genotypes):
        return list(range(len(genotypes))), dict(columns), None
    first = [int(row) for row in np.unique(group, return_index=True)[1]]
    means = {}
    for name, values in columns.items():
        known = np.isfinite(values)
        with np.errstate(invalid="ignore"):  # no value at all is NaN
            means[name] = np.bincount(group[known], values[known], len(first)) / np.bincount(
                group[known], minlength=len(first)
            )
    return first, means, Trainings(group, dict(columns))
