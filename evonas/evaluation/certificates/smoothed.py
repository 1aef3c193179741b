"""What randomised smoothing found, written as an outcome and read from one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evonas.evaluation.outcomes import Outcome, listed, number_in, object_in
from evonas.evaluation.rates import Rate

SMOOTHING = "smoothing"  # the key of its version in the identity of an outcome, and of an outcome with one sigma
ABSTAINED = -1
STEP = 0.25  # of the radii at which accuracies are given
MAX_RADII = 16
AVERAGE_RADIUS = "average certified l2 radius"
LARGEST = "largest provable l2 radius"
_COLUMNS = ("label", "predict", "radius")


@dataclass(frozen=True)
class Timed(Outcome):
    """An outcome with the seconds that each image took, which are not written."""

    seconds: tuple[float, ...] = field(default=(), compare=False, repr=False)


def key_of(sigma: float) -> str:
    """The key of the outcome with one of several sigmas, such as ``smoothing@0.25``."""
    short = f"{sigma:g}"
    return f"{SMOOTHING}@{short if float(short) == sigma else repr(sigma)}"


def methods(names: Iterable[str], smoothed: Container[str]) -> list[str]:
    """The ``names`` of assessments, with one for all those that are ``smoothed``."""
    return list(dict.fromkeys(SMOOTHING if name in smoothed else name for name in names))


def label(radius: float) -> str:
    """The name of the certified accuracy at an l2 radius in units of [0, 1]."""
    return f"certified l2 {radius:g}"


def radii_up_to(largest: float) -> list[float]:
    """0 and multiples of 1/4, or of a power of 2 times that where they would be too few or too many."""
    step = STEP
    while step > largest:
        step /= 2
    while largest / step > MAX_RADII:
        step *= 2
    return [step * k for k in range(int(largest / step) + 1)]


def outcome_of(
    labels: Sequence[int],
    predictions: Sequence[int],
    radii: Sequence[float],
    majorities: Sequence[int],
    largest: float,
) -> Outcome:
    """The outcome of images with these ``labels``; ``majorities`` are predictions without a radius.

    Rates are of all images: certified accuracies at the radii up to ``largest``, accuracy of the predictions
    without a radius, and images without a certificate.
    """
    n = len(labels)
    right = [one == truth for one, truth in zip(predictions, labels, strict=True)]
    reached = [radius if correct else -1.0 for radius, correct in zip(radii, right, strict=True)]
    rates = {label(r): Rate.of(sum(one >= r for one in reached), n) for r in radii_up_to(largest)}
    rates["predicted"] = Rate.of(sum(one == truth for one, truth in zip(majorities, labels, strict=True)), n)
    rates["abstained"] = Rate.of(sum(one == ABSTAINED for one in predictions), n)
    numbers = {AVERAGE_RADIUS: sum(max(0.0, one) for one in reached) / n, LARGEST: largest}
    detail = dict(zip(_COLUMNS, map(list, (labels, predictions, radii)), strict=True))
    return Outcome(rates, numbers, detail)


@dataclass(frozen=True)
class Smoothed:
    """The certified class and l2 radius of each image; -1 and 0 for those without."""

    sigma: float
    n: int
    rates: Mapping[float, Rate]  # certified accuracy by radius, ascending
    average_radius: float  # 0 for an image that is misclassified
    labels: tuple[int, ...]
    predictions: tuple[int, ...]
    radii: tuple[float, ...]

    @classmethod
    def of(cls, outcome: Outcome) -> Smoothed | None:
        """None for another kind of assessment. Raises `ValueError` for an invalid one."""
        if SMOOTHING not in outcome.identity:
            return None
        sigma, n = (number_in(outcome.identity, name) for name in ("sigma", "n"))
        average, largest = (number_in(outcome.numbers, name) for name in (AVERAGE_RADIUS, LARGEST))
        detail = object_in(outcome.detail, "detail of smoothing")
        labels, predictions, radii = (listed(detail, name) for name in _COLUMNS)
        if not len(labels) == len(predictions) == len(radii) > 0:
            raise ValueError("smoothing has no lists of labels, predictions and radii of equal length")
        if any(type(one) is not int for one in labels + predictions) or not set(map(type, radii)) <= {int, float}:
            raise ValueError("a label, prediction or radius of smoothing is not a number")
        if not 0 < largest < 1e6 or label(0) not in outcome.rates:
            raise ValueError("smoothing has no certified accuracies")
        rates = {r: outcome.rates[label(r)] for r in radii_up_to(largest) if label(r) in outcome.rates}
        return cls(sigma, int(n), rates, average, tuple(labels), tuple(predictions), tuple(radii))

    @property
    def note(self) -> str:
        """The advice where no image has a radius; empty for others."""
        if any(radius > 0 for radius in self.radii):
            return ""
        return (
            f"smoothing: no image has a certified class at sigma {self.sigma:g}, as is usual for a network that "
            f"was not trained with such noise; evonas train --recipe gaussian --set sigma={self.sigma:g} does"
        )
