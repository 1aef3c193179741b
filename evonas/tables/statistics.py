"""Rank statistics: Spearman, Kendall, the partial rank correlation, bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

Floats = NDArray[np.float64]

LEVEL = 0.95  # of the intervals


def codes(values: Floats) -> NDArray[np.intp]:
    """Every column's values as 0, 1, 2, ... in their order, equal for equal values, (n, k) -> (n, k)."""
    return np.column_stack([np.unique(column, return_inverse=True)[1] for column in values.T])


def ranks(coded: NDArray[np.intp], counts: Floats) -> Floats:
    """Mid-ranks of every column where row i stands ``counts[i]`` times, centred, scaled: (n, k) -> (n, k).

    Row i carries the factor sqrt(counts[i]) and columns have length 1, so that x^T y is Spearman's rho of that
    sample; a constant column becomes zeros. Nothing is sorted: a bootstrap sample costs one pass.
    """
    ranked = np.empty(coded.shape)
    for j, column in enumerate(coded.T):
        group = np.bincount(column, weights=counts)
        ranked[:, j] = (group.cumsum() - group / 2)[column]
    ranked -= counts @ ranked / counts.sum()
    ranked *= np.sqrt(counts)[:, None]
    lengths = np.sqrt((ranked**2).sum(0))
    return ranked / np.where(lengths > 1e-9 * counts.sum(), lengths, np.inf)


def partial(r_xy: Floats, r_xz: Floats, r_yz: Floats) -> Floats:
    """(r_xy - r_xz r_yz) / sqrt((1 - r_xz^2)(1 - r_yz^2)), what x knows of y beyond z; NaN where z decides one."""
    left, right = 1 - r_xz**2, 1 - r_yz**2
    decided = (left < 1e-9) | (right < 1e-9)
    return np.where(decided, np.nan, (r_xy - r_xz * r_yz) / np.sqrt(np.where(decided, 1, left * right)))


class Correlations(NamedTuple):
    """Of k scores with t targets; an interval has a last axis of two. NaN where a value does not exist."""

    spearman: Floats  # (k, t)
    spearman_interval: Floats  # (k, t, 2)
    partial: Floats  # (k, t), with the size held fixed
    partial_interval: Floats  # (k, t, 2)
    kendall: Floats  # (k, t), tau-b
    gain: Floats  # (k, t), spearman minus that of another score; NaN without one
    gain_interval: Floats  # (k, t, 2)


def correlations(
    scores: Floats,
    columns: Floats,
    groups: Sequence[Sequence[int]],
    size: Floats,
    *,
    resamples: int,
    seed: int,
    against: int | None = None,
) -> Correlations:
    """Of every score (n, k) with every target, a group of ``columns`` (n, c) whose correlations are averaged.

    ``size`` (n,) is held fixed in the partial correlations; ``against`` is the place of the score that the others
    are compared with.

    The intervals hold the middle 95 % of ``resamples`` bootstrap samples of the n architectures, drawn with
    replacement; the same samples for all scores, so that they can be compared.
    """
    n = len(scores)
    coded = codes(np.column_stack([scores, columns, size]))
    k = scores.shape[1]
    rho, rest = _rank_correlations(ranks(coded, np.ones(n)), k, groups)
    rng = np.random.default_rng(seed)
    counts = (np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64) for _ in range(resamples))
    drawn = [_rank_correlations(ranks(coded, count), k, groups) for count in counts]
    gain, gains = np.full_like(rho, np.nan), [np.full_like(rho, np.nan)]
    if against is not None:
        gain, gains = rho - rho[against], [sample - sample[against] for sample, _ in drawn]
    tau = np.array([[_kendall(score, columns[:, list(group)]) for group in groups] for score in scores.T])
    return Correlations(
        rho,
        _interval([d[0] for d in drawn], rho),
        rest,
        _interval([d[1] for d in drawn], rest),
        tau,
        gain,
        _interval(gains, gain),
    )


def _rank_correlations(r: Floats, k: int, groups: Sequence[Sequence[int]]) -> tuple[Floats, Floats]:
    x, y, z = r[:, :k], r[:, k:-1], r[:, -1:]
    r_xy, r_xz, r_yz = x.T @ y, x.T @ z, (y.T @ z).T  # (k, c), (k, 1), (1, c)
    constant = ((x**2).sum(0)[:, None] == 0) | ((y**2).sum(0)[None, :] == 0)
    r_xy = np.where(constant, np.nan, r_xy)
    rest = partial(r_xy, r_xz, r_yz)
    return _grouped(r_xy, groups), _grouped(rest, groups)


def _grouped(values: Floats, groups: Sequence[Sequence[int]]) -> Floats:
    return np.stack([values[:, list(group)].mean(1) for group in groups], axis=1)  # (k, t)


def _interval(drawn: Sequence[Floats], like: Floats) -> Floats:
    if not drawn:
        return np.full((*like.shape, 2), np.nan)
    tail = (1 - LEVEL) / 2
    stacked = np.stack(drawn)  # (resamples, k, t)
    some = np.asarray(np.isfinite(stacked).any(axis=0))
    bounds = np.nanquantile(np.where(some, stacked, 0), [tail, 1 - tail], axis=0)
    return np.where(some[..., None] & np.isfinite(like)[..., None], np.moveaxis(bounds, 0, -1), np.nan)


def _kendall(score: Floats, columns: Floats) -> float:
    return float(np.mean([kendalltau(score, column).statistic for column in columns.T]))
