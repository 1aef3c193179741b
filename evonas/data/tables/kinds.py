"""The kind of a column of a table, by its name: an accuracy, an error, a time, an index, ..."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_RUNNING_NUMBERS = 5  # with fewer rows, 1, 2, 3 may be anything


@dataclass(frozen=True)
class Kind:
    """The kind of a column, and whether larger or smaller values are better."""

    name: str
    words: frozenset[str] = frozenset()  # a column whose name has one of them is of this kind
    smaller_is_better: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLEAN_WORDS = _words("acc accs accuracy accuracies top clean natural nat test val valid validation train")
ROBUST_WORDS = _words(
    "robust robustness adv adversarial certified attack fgsm pgd apgd aa autoattack autopgd cw square fab "
    "deepfool mim bim eot nes spsa corruption corruptions corrupted corrupt mca noise blur weather digital snow "
    "frost fog brightness contrast elastic pixelate jpeg gaussian shot impulse defocus glass motion zoom speckle "
    "spatter saturate"
)
ACCURACY = Kind("accuracy", CLEAN_WORDS | ROBUST_WORDS)
ERROR = Kind("error", _words("err errs error errors misclassification mce ece brier asr"), smaller_is_better=True)
LOSS = Kind(
    "loss",
    _words("loss losses nll xent entropy crossentropy perplexity ppl mse rmse mae kl"),
    smaller_is_better=True,
)
RANK = Kind("rank", _words("rank ranks ranking"), smaller_is_better=True)
SPEED = Kind("speed", _words("throughput fps ips"))
TIME = Kind(
    "time",
    _words(
        "time times latency latencies runtime duration sec secs second seconds minute minutes hour hours day days "
        "ms us"
    ),
    smaller_is_better=True,
)
SIZE = Kind(
    "size",
    _words(
        "params param parameters flops mflops gflops macs mmacs gmacs madds size memory mem mb gb bytes energy"
    ),
    smaller_is_better=True,
)
COUNTER = Kind(
    "counter", _words("epoch epochs seed seeds step steps iteration iterations iter iters trial fold lr wd")
)
SPREAD = Kind("spread", _words("std stdev sd sem stderr var variance ci iqr"))
INDEX = Kind("index", _words("index idx id uid uuid no nr num number row"))
UNKNOWN = Kind("unknown")

KINDS = (ACCURACY, ERROR, LOSS, RANK, SPEED, TIME, SIZE, COUNTER, SPREAD, INDEX, UNKNOWN)
_OF_AN_INDEX = INDEX.words | _words("arch architecture net network model cell run")
_NAMELESS = re.compile(r"(column \d+|Unnamed: \d+(_level_\d+)?|#)", re.IGNORECASE)


def words_of(name: str) -> list[str]:
    """Its words and numbers in lower case: ``testAcc_top1`` is test, acc, top, 1."""
    return re.findall(r"[a-z]+|\d+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())


def kind_of(name: str, values: NDArray[np.float64] | None = None) -> Kind:
    """The kind of the column ``name``; ``values`` (rows,) reveal a running number."""
    words = words_of(name)
    known = {*words, *words_of(name.lower())}  # mCE, FLOPs
    last = words[-1] if words else ""
    if _NAMELESS.fullmatch(name) or (known & INDEX.words and known <= _OF_AN_INDEX):
        return INDEX
    if last in SPREAD.words or words[-2:] in (["standard", "error"], ["std", "error"], ["ci", "95"]):
        return SPREAD
    if {"attack", "success"} <= known:
        return ERROR
    for kind in (ERROR, LOSS, RANK, SPEED, TIME, SIZE):
        if known & kind.words:
            return kind
    if last in COUNTER.words:
        return COUNTER
    if known & ACCURACY.words:
        return ACCURACY
    if known & COUNTER.words:
        return COUNTER
    return INDEX if values is not None and is_running_number(values) else UNKNOWN


def is_clean(name: str) -> bool:
    """Whether the column is an accuracy on images that nothing disturbs."""
    return kind_of(name) is ACCURACY and not set(words_of(name)) & ROBUST_WORDS


def is_running_number(values: NDArray[np.float64]) -> bool:
    """Whether ``values`` are consecutive whole numbers, each once, in any order."""
    if len(values) < MIN_RUNNING_NUMBERS or not np.isfinite(values).all():
        return False
    ordered = np.sort(values)
    return bool((np.diff(ordered) == 1).all() and ordered[0] == np.round(ordered[0]))
