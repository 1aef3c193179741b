"""An exact Gaussian process with an exponential kernel of a distance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import ndtr

NOISES = (1e-4, 1e-3, 1e-2, 0.05)  # variance of the noise, of a unit variance of the kernel
LEAST = 0.02  # share of the likelihood of a part of a mixture
Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]


def hamming(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Half the number of entries in which rows of 0 and 1 differ, (N, D) and (M, D) to (N, M).

    An operation that is replaced by another in a one-hot encoding counts 1.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return (a.sum(axis=1)[:, None] + b.sum(axis=1)[None] - 2 * a @ b.T) / 2


def euclidean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances of rows, (N, D) and (M, D) to (N, M)."""
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


@dataclass(frozen=True)
class GaussianProcess:
    """The posterior of ``f(x) = m + GP(0, s^2 exp(-d(x, x') / l))`` with noise, after `fit`.

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", MIT Press 2006, algorithm 2.1.
    """

    metric: Metric
    points: np.ndarray  # (N, D)
    length: float
    mean: float
    scale: float  # s
    factor: np.ndarray  # (N, N), lower
    weights: np.ndarray  # (N,)

    @classmethod
    def fit(
        cls, points: np.ndarray, values: np.ndarray, metric: Metric, lengths: Sequence[float]
    ) -> GaussianProcess:
        """Length, noise and s maximise the marginal likelihood, the first two over a grid; m is the mean.

        ``points`` (N, D), ``values`` (N,).
        """
        return max(cls._fitted(points, values, metric, lengths), key=lambda fit: fit[0])[1]

    @classmethod
    def mixture(
        cls, points: np.ndarray, values: np.ndarray, metric: Metric, lengths: Sequence[float]
    ) -> list[tuple[float, GaussianProcess]]:
        """The points of the grid of `fit`, each with its share of the marginal likelihood, those above `LEAST`."""
        fits = list(cls._fitted(points, values, metric, lengths))
        shares = np.exp([likelihood - max(fit[0] for fit in fits) for likelihood, _ in fits])
        shares /= shares.sum()
        return [(float(share), one) for share, (_, one) in zip(shares, fits, strict=True) if share >= LEAST]

    @classmethod
    def _fitted(
        cls, points: np.ndarray, values: np.ndarray, metric: Metric, lengths: Sequence[float]
    ) -> Iterator[tuple[float, GaussianProcess]]:
        """Each point of the grid after its log marginal likelihood."""
        mean, scale = float(values.mean()), float(values.std()) or 1.0
        for likelihood, length, deviation, factor, weights in _fits(
            metric(points, points), (values - mean) / scale, lengths
        ):
            yield likelihood, cls(metric, points, length, mean, scale * deviation, factor, weights * scale)

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of f at ``points`` (M, D), each (M,)."""
        cross = np.exp(-self.metric(points, self.points) / self.length)  # (M, N)
        variance = 1 - (solve_triangular(self.factor, cross.T, lower=True) ** 2).sum(axis=0)
        return self.mean + cross @ self.weights, self.scale * np.sqrt(np.maximum(variance, 1e-9))


def _fits(
    distances: np.ndarray, targets: np.ndarray, lengths: Sequence[float]
) -> Iterator[tuple[float, float, float, np.ndarray, np.ndarray]]:
    """Log marginal likelihood, length, s, Cholesky factor and weights of every point of the grid."""
    count = len(targets)
    for length, noise in product(lengths, NOISES):
        kernel = np.exp(-distances / length)
        kernel[np.diag_indices_from(kernel)] += noise
        factor = cholesky(kernel, lower=True)
        weights = cho_solve((factor, True), targets)
        variance = max(float(targets @ weights) / count, 1e-9)
        likelihood = -0.5 * count * np.log(variance) - float(np.log(np.diag(factor)).sum())
        yield likelihood, length, float(np.sqrt(variance)), factor, weights


def expected_improvement(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    """``E[max(f - best, 0)] = s (z Phi(z) + phi(z))`` with ``z = (mean - best) / s``; arrays (M,).

    Source: Jones, Schonlau, Welch, "Efficient Global Optimization of Expensive Black-Box Functions", Journal of
    Global Optimization 13, 1998, equation 15.
    """
    z = (mean - best) / deviation
    return deviation * (z * ndtr(z) + np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))
