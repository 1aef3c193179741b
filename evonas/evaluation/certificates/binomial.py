"""What counts of samples say about probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import beta, binomtest, norm


def lower_bound(count: int, n: int, alpha: float) -> float:
    """A probability that the true one is below with chance ``alpha`` at most, if ``count`` of ``n`` samples hit.

    Source: Clopper, Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial",
    1934, one-sided.
    """
    return float(beta.ppf(alpha, count, n - count + 1)) if count else 0.0


def radius(sigma: float, probability: float) -> float:
    """sigma Phi^-1(p), the l2 radius of smoothing; negative below p = 1/2."""
    return float(sigma * norm.ppf(probability))


def majority(counts: Sequence[int], alpha: float) -> int | None:
    """The class with the largest of ``counts``; None if a fair coin could separate it from the second.

    The two-sided binomial test at level ``alpha`` of Cohen et al. 2019, function PREDICT.
    """
    first, second = sorted(range(len(counts)), key=lambda label: (-counts[label], label))[:2]
    both = counts[first] + counts[second]
    return first if both and binomtest(counts[first], both, 0.5).pvalue <= alpha else None
