"""Which genotypes may be born: those that satisfy --max-params and every --constraint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.random import Generator

from evonas.searching.constraint import Constraint, constraints_of
from evonas.searching.measurements import Measurements
from evonas.searching.task import task_of
from evonas.store.settings import SearchSettings
from fitness import Score
from spaces import EvonasError, NetworkSize, Space
from spaces.size import CIFAR

MAX_DRAWS = 10_000
MAX_MEASURED = 300  # different networks that are measured in vain for one birth


class Limits:
    """The limits of every birth: at most ``max_params`` parameters at a given size, and the constraints.

    Measured values are taken from ``measurements`` or, without them, measured each time. They are asked for last,
    so that no network is measured that another limit excludes.
    """

    def __init__(self, space: Space, settings: SearchSettings, measurements: Measurements | None = None) -> None:
        assert settings.max_params_at and settings.classes and settings.image_size  # resolved settings
        channels, layers = settings.max_params_at
        self.space = space
        self.limit = settings.max_params
        self.size = NetworkSize(channels, layers, settings.classes, settings.image_size, settings.stem or CIFAR)
        self.constraints = constraints_of(settings)
        self.measured = tuple(one for one in self.constraints if one.fitness.measured)
        self.computed = tuple(one for one in self.constraints if not one.fitness.measured)
        self.task = task_of(settings, None) if self.constraints else None
        self.measurements = measurements

    def admits(self, genotype: Any) -> bool:
        return self._is_computed_within(genotype) and self._is_within(self.measured, genotype)

    def random(self, rng: Generator) -> Any:
        """A random genotype that satisfies the limits."""
        drawn, found = self._first(lambda: self.space.random(rng))
        if found:
            return drawn[-1]
        if self.constraints:
            raise EvonasError(
                f"none of {len(drawn)} random genotypes satisfies the limits: {self._nearest(drawn)}"
            )
        raise EvonasError(
            f"none of {MAX_DRAWS} random genotypes has at most {self.limit} parameters "
            f"(--max-params, at C={self.size.channels}, L={self.size.layers}); raise it"
        )

    def mutate(self, parent: Any, rng: Generator) -> Any:
        """A neighbour of ``parent`` that satisfies the limits."""
        drawn, found = self._first(lambda: self.space.mutate(parent, rng))
        if found:
            return drawn[-1]
        if self.constraints:
            raise EvonasError(f"no neighbour of {parent} satisfies the limits: {self._nearest(drawn)}")
        raise EvonasError(f"no neighbour of {parent} has at most {self.limit} parameters; raise --max-params")

    def _first(self, draw: Callable[[], Any]) -> tuple[list[Any], bool]:
        """What was drawn, up to the first genotype that is admitted, and whether there is one."""
        drawn: list[Any] = []
        measured: set[str] = set()
        while len(drawn) < MAX_DRAWS and len(measured) < MAX_MEASURED:
            drawn.append(draw())
            if self.admits(drawn[-1]):
                return drawn, True
            if self.measured and self._is_computed_within(drawn[-1]):
                measured.add(str(self.space.canonical(drawn[-1])))
        return drawn, False

    def _is_computed_within(self, genotype: Any) -> bool:
        """Whether all limits hold that need no measurement."""
        return self._fits(genotype) and self._is_within(self.computed, genotype)

    def _is_within(self, constraints: tuple[Constraint, ...], genotype: Any) -> bool:
        return all(one.admits(self._score(one, genotype).value) for one in constraints)

    def _fits(self, genotype: Any) -> bool:
        return not self.limit or self.space.params(genotype, self.size) <= self.limit

    def _score(self, constraint: Constraint, genotype: Any) -> Score:
        assert self.task is not None
        if constraint.fitness.measured and self.measurements is not None:
            return self.measurements.of(constraint.fitness, genotype)
        return constraint.score(genotype, self.task)

    def _known(self, constraint: Constraint, genotype: Any) -> Score | None:
        """The score of a genotype if it was measured."""
        return self.measurements.known(constraint.fitness, genotype) if self.measurements else None

    def _nearest(self, drawn: list[Any]) -> str:
        """Each limit with the best value among the genotypes that were ``drawn``."""
        words = []
        if self.limit:
            least = min(self.space.params(genotype, self.size) for genotype in drawn)
            words.append(f"--max-params {self.limit} (smallest: {least})")
        for one in self.constraints:
            known = self._known if one.fitness.measured else self._score
            scores = [score for genotype in drawn if (score := known(one, genotype)) is not None]
            values = [score.value for score in scores if score.value is not None]
            reason = scores[0].reason if scores else ""
            words.append(f"--constraint {one.text} ({one.nearest(values, reason)})")
        return ", ".join(words) + "; change a limit"
