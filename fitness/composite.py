"""Composites: weighted sums of proxies, standardised by fixed statistics."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fitness.base import Score
from fitness.registered import proxies
from spaces import UsageError

EXAMPLE = "croze*2+synflow"


class Member(NamedTuple):
    """One proxy of a composite and its weight."""

    name: str
    weight: float = 1.0


def is_composite(text: str) -> bool:
    """Whether ``text`` is a composite rather than the name of one proxy."""
    return text not in proxies and ("+" in text or "*" in text)


def parse(text: str) -> tuple[Member, ...]:
    """The members of ``"a+b"`` or ``"a*2+b"``, in order; a single name is a composite of one.

    Raises `UsageError` for an unknown or repeated proxy and for a weight that is zero or not finite.
    """
    members: list[Member] = []
    for part in text.split("+"):
        name, star, factor = (piece.strip() for piece in part.partition("*"))
        if not name:
            raise UsageError(f"a proxy name is missing in {text!r}; expected for example {EXAMPLE!r}")
        proxies[name]  # the error of an unknown name suggests the closest ones
        if any(name == member.name for member in members):
            raise UsageError(f"proxy {name!r} appears twice in {text!r}; give it one weight, as in {EXAMPLE!r}")
        members.append(Member(name, _weight(factor, text) if star else 1.0))
    return tuple(members)


def names(text: str) -> tuple[str, ...]:
    """The proxies of ``text``, a composite or a single name."""
    return tuple(member.name for member in parse(text)) if is_composite(text) else (text,)


def normal(text: str) -> str:
    """The normal form of a composite: no spaces, shortest weights, no weight of 1.

    A single name is unchanged. Raises `UsageError` as `parse` does.
    """
    if not is_composite(text):
        proxies[text]
        return text
    members = parse(text)
    if len(members) == 1:
        return f"{members[0].name}*{_short(members[0].weight)}"  # a weight makes it a composite
    return "+".join(name if weight == 1 else f"{name}*{_short(weight)}" for name, weight in members)


def _short(weight: float) -> str:
    """A text that `float` reads back as ``weight``, without the + of an exponent."""
    return repr(int(weight)) if weight == int(weight) and abs(weight) < 1e15 else repr(weight).replace("e+", "e")


def _weight(text: str, whole: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight) or weight == 0:
        raise UsageError(f"invalid weight {text!r} in {whole!r}: expected a non-zero number, as in {EXAMPLE!r}")
    return weight


@dataclass(frozen=True)
class Composite:
    """sum_i w_i (s_i - mean_i) / std_i with fixed statistics, so a pure function of the genotype.

    `standardise` takes the statistics from the scores of a first population; store them with the run.
    """

    members: tuple[Member, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]  # of the population; 1 where all its scores were equal

    def __post_init__(self) -> None:
        if not len(self.members) == len(self.means) == len(self.deviations):
            raise ValueError("a composite needs one mean and one deviation for each member")

    def combine(self, scores: Mapping[str, Score]) -> Score:
        """The composite of the ``scores`` of its members; without a value, with the reason, if one is missing."""
        total, seconds = 0.0, sum(scores[member.name].seconds for member in self.members)
        for (name, weight), mean, deviation in zip(self.members, self.means, self.deviations, strict=True):
            score = scores[name]
            if score.value is None:
                return Score(None, f"{name}: {score.reason}", seconds)
            total += weight * (score.value - mean) / deviation
        if not math.isfinite(total):
            return Score(None, f"the weighted sum is {total}", seconds)
        return Score(total, "", seconds)


def standardise(members: Sequence[Member], population: Mapping[str, Iterable[Score]]) -> Composite:
    """The composite of ``members`` with the mean and standard deviation of ``population``'s scores by name.

    Both are computed exactly and rounded once, so they do not depend on the order of the population. Missing
    scores are skipped. Raises `UsageError` if all scores of a member are missing.
    """
    means, deviations = [], []
    for name, _ in members:
        scores = list(population[name])
        values = [score.value for score in scores if score.value is not None]
        if not values:
            reason = f" ({scores[0].reason})" if scores else ""
            raise UsageError(
                f"{name!r} has no value for any genotype of the first population{reason}; remove it from --proxy"
            )
        means.append(statistics.mean(values))
        deviations.append(statistics.pstdev(values) or 1.0)
    return Composite(tuple(members), tuple(means), tuple(deviations))
