"""Sums of standardised scores, and the one that ranks architectures best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from evonas.tables.statistics import Floats
from spaces import UsageError

CHUNK = 4_000_000  # numbers that are ranked at once


@dataclass(frozen=True)
class Combination:
    """``sum_i w_i (s_i - mean_i) / deviation_i`` over the scores ``s`` in the columns ``members``."""

    members: tuple[int, ...]
    weights: tuple[int, ...]  # 1 or -1
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    rho: float  # Spearman's, where it was chosen

    def text(self, names: Sequence[str]) -> str:
        """As `--proxy` takes it, such as ``a+b*-1``."""
        parts = [
            names[i] + ("" if weight == 1 else f"*{weight}")
            for i, weight in zip(self.members, self.weights, strict=True)
        ]
        return "+".join(parts)

    def of(self, scores: Floats) -> Floats:
        """Its values of scores (n, k), (n,); -inf where one is missing, as such a genotype is never chosen."""
        standard = (scores[:, self.members] - np.array(self.means)) / np.array(self.deviations)
        return ranked_last(standard @ np.array(self.weights, dtype=np.float64))


def ranked_last(values: Floats) -> Floats:
    """``values`` with -inf in place of NaN."""
    return np.where(np.isnan(values), -np.inf, values)


def spearman(score: Floats, target: Floats) -> float:
    """Spearman's rho of a score (n,) with a target (n,), 0 if one of them is constant."""
    return float(_rho(score[None], _centred(target))[0])


def best_combination(scores: Floats, target: Floats, count: int) -> Combination:
    """Of all sums and differences of ``count`` scores, the one with the largest rho; the first among equals.

    ``scores`` (n, k) with NaN for missing ones, ``target`` (n,). Scores that are constant or missing everywhere
    are not used; if fewer than ``count`` are left, it is the sum of all. Raises `UsageError` if none is.
    """
    some = np.isfinite(scores)
    filled = np.where(some, scores, np.nan)
    usable = [i for i in range(scores.shape[1]) if some[:, i].any() and np.ptp(scores[some[:, i], i]) > 0]
    if not usable:
        raise UsageError("every proxy is constant or without a value; choose others with --proxy")
    means, deviations = np.nanmean(filled[:, usable], axis=0), np.nanstd(filled[:, usable], axis=0)
    standard = ((filled[:, usable] - means) / deviations).T  # (usable, n)
    centred = _centred(target)
    best: tuple[float, tuple[int, ...], tuple[int, ...]] = (-np.inf, (), ())
    for members, weights in _chunks(len(usable), min(count, len(usable)), len(target)):
        sums = (standard[members] * weights[:, :, None]).sum(axis=1)  # (chunk, n)
        for sign in (1, -1):
            found = _rho(ranked_last(sign * sums), centred)
            place = int(found.argmax())
            if found[place] > best[0]:
                signed = tuple(int(sign * weight) for weight in weights[place])
                best = float(found[place]), tuple(members[place].tolist()), signed
    rho, places, signs = best
    return Combination(
        tuple(usable[i] for i in places),
        signs,
        tuple(float(means[i]) for i in places),
        tuple(float(deviations[i]) for i in places),
        rho,
    )


def _chunks(k: int, count: int, n: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Every choice of ``count`` of ``k`` members, and weights of 1 and -1, the first of them 1, (chunk, count)."""
    members = np.array(list(combinations(range(k), count)), dtype=np.intp)
    weights = np.array([(1, *rest) for rest in product((1, -1), repeat=count - 1)], dtype=np.intp)
    every, signs = np.repeat(members, len(weights), axis=0), np.tile(weights, (len(members), 1))
    size = max(1, CHUNK // n)
    for first in range(0, len(every), size):
        yield every[first : first + size], signs[first : first + size]


def _centred(values: Floats) -> Floats:
    """Mid-ranks, centred, of length 1; zeros if all are equal: (..., n) to (..., n)."""
    ranks = rankdata(values, axis=-1)
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    length = np.sqrt((ranks**2).sum(axis=-1, keepdims=True))
    return ranks / np.where(length > 0, length, 1)


def _rho(scores: Floats, centred: Floats) -> Floats:
    return _centred(scores) @ centred
