"""Which genotypes may be born: those that satisfy --max-params and every --constraint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.random import Generator

from evonas.searching.constraint import Constraint, constraints_of
from evonas.searching.task import task_of
from evonas.store.settings import SearchSettings
from spaces import EvonasError, NetworkSize, Space

MAX_DRAWS = 10_000


class Limits:
    """The limits of every birth: at most ``max_params`` parameters at a given size, and the constraints."""

    def __init__(self, space: Space, settings: SearchSettings) -> None:
        assert settings.max_params_at and settings.classes and settings.image_size  # resolved settings
        channels, layers = settings.max_params_at
        self.space = space
        self.limit = settings.max_params
        self.size = NetworkSize(channels, layers, settings.classes, settings.image_size)
        self.constraints = constraints_of(settings)
        self.task = task_of(settings, None) if self.constraints else None

    def admits(self, genotype: Any) -> bool:
        return self._fits(genotype) and all(one.admits(self._value(one, genotype)) for one in self.constraints)

    def random(self, rng: Generator) -> Any:
        """A random genotype that satisfies the limits."""
        drawn, found = self._first(lambda: self.space.random(rng))
        if found:
            return drawn[-1]
        if self.constraints:
            raise EvonasError(f"none of {MAX_DRAWS} random genotypes satisfies the limits: {self._nearest(drawn)}")
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
        drawn = []
        for _ in range(MAX_DRAWS):
            drawn.append(draw())
            if self.admits(drawn[-1]):
                return drawn, True
        return drawn, False

    def _fits(self, genotype: Any) -> bool:
        return not self.limit or self.space.params(genotype, self.size) <= self.limit

    def _value(self, constraint: Constraint, genotype: Any) -> float | None:
        assert self.task is not None
        return constraint.value(genotype, self.task)

    def _nearest(self, drawn: list[Any]) -> str:
        """Each limit with the best value among the genotypes that were ``drawn``."""
        words = []
        if self.limit:
            least = min(self.space.params(genotype, self.size) for genotype in drawn)
            words.append(f"--max-params {self.limit} (smallest: {least})")
        for one in self.constraints:
            values = [value for genotype in drawn if (value := self._value(one, genotype)) is not None]
            words.append(f"--constraint {one.text} ({one.nearest(values)})")
        return ", ".join(words) + "; change a limit"
