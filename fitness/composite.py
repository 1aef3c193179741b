"""Composites: several proxies as one, each standardised by fixed statistics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fitness.base import Score, Task, proxies
from spaces import UsageError

EXAMPLE = "croze*2+synflow"


class Member(NamedTuple):
    """One proxy of a composite and its weight."""

    name: str
    weight: float = 1.0


def is_composite(text: str) -> bool:
    """Whether ``text`` joins or weighs proxies, rather than naming one."""
    return text not in proxies and ("+" in text or "*" in text)


def parse(text: str) -> tuple[Member, ...]:
    """The members of ``"a+b"`` or ``"a*2+b"``, in their order; one name alone is a composite of one.

    Raises `UsageError` for an unknown proxy, a repeated one or a weight that is no finite number other than 0.
    """
    members: list[Member] = []
    for part in text.split("+"):
        name, star, factor = (piece.strip() for piece in part.partition("*"))
        if not name:
            raise UsageError(f"a proxy is missing in {text!r}; write for example {EXAMPLE!r}")
        proxies[name]  # an unknown name answers with the closest ones
        if any(name == member.name for member in members):
            raise UsageError(f"{name!r} stands twice in {text!r}; give it one weight, as in {EXAMPLE!r}")
        members.append(Member(name, _weight(factor, text) if star else 1.0))
    return tuple(members)


def _weight(text: str, whole: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight) or weight == 0:
        raise UsageError(
            f"{text!r} in {whole!r} is no weight; a weight is a number other than 0, as in {EXAMPLE!r}"
        )
    return weight


@dataclass(frozen=True)
class Composite:
    """sum_i w_i (s_i - mean_i) / std_i with statistics that never change, so a pure function of the genotype.

    `standardise` takes the statistics from the scores of a first population; store them with the run.
    """

    members: tuple[Member, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]  # of the population; 1 where all its scores were equal

    def __post_init__(self) -> None:
        if not len(self.members) == len(self.means) == len(self.deviations):
            raise ValueError("a composite needs one mean and one deviation for each member")

    def combine(self, scores: Mapping[str, Score]) -> Score:
        """The composite of its members' ``scores``; without a value, and with the reason, if one has none."""
        total, seconds = 0.0, sum(scores[member.name].seconds for member in self.members)
        for (name, weight), mean, deviation in zip(self.members, self.means, self.deviations, strict=True):
            score = scores[name]
            if score.value is None:
                return Score(None, f"{name}: {score.reason}", seconds)
            total += weight * (score.value - mean) / deviation
        return Score(total, "", seconds)

    def score(self, genotype: Any, task: Task) -> Score:
        """The composite of one genotype, all members scored."""
        return self.combine({member.name: proxies[member.name].score(genotype, task) for member in self.members})


def standardise(members: Sequence[Member], population: Mapping[str, Iterable[float | None]]) -> Composite:
    """The composite of ``members`` with the mean and standard deviation of ``population``'s scores by name.

    Scores without a value are left out. Raises `UsageError` if a member has none at all.
    """
    means, deviations = [], []
    for name, _ in members:
        values = [value for value in population[name] if value is not None]
        if not values:
            raise UsageError(f"{name!r} has no value for any genotype of the first population; leave it out")
        mean = math.fsum(values) / len(values)
        spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
        means.append(mean)
        deviations.append(spread if spread > 0 else 1.0)
    return Composite(tuple(members), tuple(means), tuple(deviations))
