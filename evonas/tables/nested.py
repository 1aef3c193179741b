"""Nested cross-validation: how well a chosen score ranks architectures that it has not seen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from evonas.tables.combinations import best_combination, ranked_last, spearman
from evonas.tables.statistics import LEVEL, Floats

CHOSEN = "chosen"  # the sum whose length inner folds decide
SHARE = 0.1  # of the held-out architectures that count as chosen by a score

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Estimate:
    """A mean over held-out folds with its 95 % interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats | Sequence[float], folds: int) -> Estimate:
        """Of one value for each held-out part of splits into ``folds``.

        Splits overlap in what is learned from, so the variance of the mean of J values is
        ``s^2 (1 / J + 1 / (folds - 1))``, the second term the ratio of held-out to other architectures.
        Source: Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003.
        """
        mean, count = float(np.mean(values)), len(values)
        error = float(np.std(values, ddof=1)) * np.sqrt(1 / count + 1 / (folds - 1))
        half = float(student.ppf((1 + LEVEL) / 2, count - 1)) * float(error)
        return cls(mean, mean - half, mean + half)

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {"mean": self.mean, "ci95": [self.low, self.high]}


@dataclass(frozen=True)
class Held:
    """One way to choose a score, on held-out architectures."""

    rho: Estimate  # Spearman's
    gain: Estimate | None  # rho minus that of the baseline, on the same folds; None for the baseline itself
    value: float  # mean target of the best-scored tenth
    picked: Mapping[str, int]  # how often each score or sum was chosen


@dataclass(frozen=True)
class Nested:
    """Held-out results by the way to choose, and what choosing at random or knowing the best would give."""

    held: Mapping[str, Held]
    random: float  # mean target of the held-out architectures
    best: float  # mean target of their best tenth
    length: int  # of the sum that most folds chose
    folds: int
    repeats: int

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "folds": self.folds,
            "repeats": self.repeats,
            "length": self.length,
            "random": self.random,
            "best": self.best,
            "held_out": {
                way: {
                    "rho": held.rho.as_dict(),
                    "gain": None if held.gain is None else held.gain.as_dict(),
                    "value": held.value,
                    "picked": dict(held.picked),
                }
                for way, held in self.held.items()
            },
        }


def nested(
    scores: Floats,
    target: Floats,
    names: Sequence[str],
    baseline: str,
    lengths: Sequence[int],
    *,
    folds: int,
    repeats: int,
    seed: int,
    observer: Callable[[int, int, float], object] | None = None,
) -> Nested:
    """``repeats`` times ``folds`` outer folds; in each, the sums of every length and the baseline are compared.

    ``scores`` (n, k) in the order of ``names``, ``target`` (n,), larger is better. A sum of each of ``lengths`` is
    the best one of the other folds; `CHOSEN` is the one whose length has the largest mean rho over ``folds`` inner
    folds of these.
    """
    rng = np.random.default_rng(seed)
    splits = [part for _ in range(repeats) for part in split(np.arange(len(target)), folds, rng)]
    ways = [_name(length) for length in lengths]
    measured: dict[str, list[tuple[float, float]]] = {way: [] for way in (*ways, CHOSEN, baseline)}
    picked: dict[str, Counter[str]] = {way: Counter() for way in (*ways, CHOSEN)}
    chosen: Counter[int] = Counter()
    for number, (seen, held) in enumerate(splits):
        started = time.perf_counter()
        found = {_name(length): best_combination(scores[seen], target[seen], length) for length in lengths}
        length = _length(scores, target, split(seen, folds, rng), lengths)
        chosen[length] += 1
        found[CHOSEN] = found[_name(length)]
        for way, combination in found.items():
            picked[way][combination.text(names)] += 1
            measured[way].append(_measured(combination.of(scores[held]), target[held]))
        alone = ranked_last(scores[held, names.index(baseline)])
        measured[baseline].append(_measured(alone, target[held]))
        if observer is not None:
            observer(number + 1, len(splits), time.perf_counter() - started)
    based = np.array([rho for rho, _ in measured[baseline]])
    return Nested(
        {
            way: Held(
                Estimate.of([rho for rho, _ in pairs], folds),
                None if way == baseline else Estimate.of([rho for rho, _ in pairs] - based, folds),
                float(np.mean([value for _, value in pairs])),
                picked.get(way, Counter()),
            )
            for way, pairs in measured.items()
        },
        float(np.mean([target[held].mean() for _, held in splits])),
        float(np.mean([_measured(target[held], target[held])[1] for _, held in splits])),
        max(lengths, key=lambda length: (chosen[length], -length)),
        folds,
        repeats,
    )


def split(rows: Rows, folds: int, rng: np.random.Generator) -> list[tuple[Rows, Rows]]:
    """``folds`` random parts of ``rows``, each after the rows that are not in it."""
    parts = np.array_split(rng.permutation(rows), folds)
    return [(np.setdiff1d(rows, part), np.sort(part)) for part in parts]


def _name(length: int) -> str:
    return "best proxy" if length == 1 else f"best sum of {length}"


def _length(scores: Floats, target: Floats, splits: Sequence[tuple[Rows, Rows]], lengths: Sequence[int]) -> int:
    """The length whose best sums have the largest mean rho on the part that they have not seen."""

    def rho(length: int) -> float:
        found = [(best_combination(scores[seen], target[seen], length), held) for seen, held in splits]
        return float(np.mean([spearman(one.of(scores[held]), target[held]) for one, held in found]))

    return max(lengths, key=rho)


def _measured(score: Floats, target: Floats) -> tuple[float, float]:
    """Rho, and the mean target of the best-scored tenth."""
    count = max(1, round(SHARE * len(score)))
    return spearman(score, target), float(target[np.argsort(-score, kind="stable")[:count]].mean())
