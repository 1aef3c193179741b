"""A limit on every network of a search: ``--constraint "flops<=1e8"``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from evonas.core.inequalities import Inequality, inequality
from evonas.searching.objectives.fitness import Fitness
from evonas.searching.objectives.named import fitness_of
from evonas.store.settings import SearchSettings
from fitness import Score, Task, proxies
from spaces.errors import UsageError, shorten


@dataclass(frozen=True)
class Constraint:
    """A value that needs no images, with the largest or the smallest number that is allowed."""

    fitness: Fitness
    at_most: bool
    limit: float

    @property
    def text(self) -> str:
        """The normal form of what ``--constraint`` takes."""
        return str(Inequality(self.fitness.text, self.at_most, self.limit))

    def score(self, genotype: Any, task: Task) -> Score:
        """The value of a genotype."""
        (scores,) = self.fitness.score([genotype], task)
        return scores[self.fitness.objectives[0].name]

    def admits(self, value: float | None) -> bool:
        """Whether ``value`` is within the limit; a missing one is not."""
        return value is not None and (value <= self.limit if self.at_most else value >= self.limit)

    def nearest(self, values: Sequence[float], reason: str = "") -> str:
        """The value that is nearest to the limit from outside, in words; ``reason`` says why there may be none."""
        if not values:
            return f"no genotype has a value{reason and f': {reason}'}"
        return f"smallest: {min(values):.10g}" if self.at_most else f"largest: {max(values):.10g}"


def constraint_of(text: str) -> Constraint:
    """The constraint that a text such as ``flops<=1e8`` names.

    Raises `UsageError` for any other text, for an unknown name and for a value that needs images.
    """
    found = inequality(text)
    if found is None:
        raise UsageError(
            f"--constraint takes NAME<=NUMBER or NAME>=NUMBER, such as flops<=1e8, not {shorten(text)}"
        )
    fitness = fitness_of(found.name)
    if fitness.needs_images or fitness.members or not fitness.objectives[0].maximise:
        free = ", ".join(name for name in proxies if not proxies[name].needs_images)
        raise UsageError(
            f"--constraint cannot limit {shorten(found.name)}; it limits {free}, latency or a column of a table"
        )
    if fitness.positive and found.at_most and found.limit <= 0:
        raise UsageError(f"--constraint {found} admits no network, because {fitness.text} is larger than 0")
    return Constraint(fitness, found.at_most, found.limit)


def meaning(text: str) -> tuple[object, ...]:
    """What a constraint limits and how, wherever a table or a file of it is; the file is not read."""
    found = inequality(text)
    return (text,) if found is None else (fitness_of(found.name).objectives, found.at_most, found.limit)


def constraints_of(settings: SearchSettings) -> tuple[Constraint, ...]:
    """The constraints of ``settings``. Raises `UsageError` as `constraint_of` does."""
    found = map(constraint_of, settings.constraints)
    return tuple(replace(one, fitness=one.fitness.within(settings)) for one in found)
