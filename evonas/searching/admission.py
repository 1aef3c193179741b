"""Which genotypes may be born: those with at most so many parameters."""

from __future__ import annotations

from typing import Any

from numpy.random import Generator

from evonas.store.settings import SearchSettings
from spaces import EvonasError, NetworkSize, Space

MAX_DRAWS = 10_000


class SizeLimit:
    """The constraint on every birth: at most ``max_params`` parameters at a given size."""

    def __init__(self, space: Space, settings: SearchSettings) -> None:
        assert settings.max_params_at and settings.classes and settings.image_size  # resolved settings
        channels, layers = settings.max_params_at
        self.space = space
        self.limit = settings.max_params
        self.size = NetworkSize(channels, layers, settings.classes, settings.image_size)

    def admits(self, genotype: Any) -> bool:
        return not self.limit or self.space.params(genotype, self.size) <= self.limit

    def random(self, rng: Generator) -> Any:
        """A random genotype that satisfies the constraint."""
        for _ in range(MAX_DRAWS):
            genotype = self.space.random(rng)
            if self.admits(genotype):
                return genotype
        raise EvonasError(
            f"none of {MAX_DRAWS} random genotypes has at most {self.limit} parameters "
            f"(--max-params, at C={self.size.channels}, L={self.size.layers}); raise it"
        )

    def mutate(self, parent: Any, rng: Generator) -> Any:
        """A neighbour of ``parent`` that satisfies the constraint."""
        for _ in range(MAX_DRAWS):
            genotype = self.space.mutate(parent, rng)
            if self.admits(genotype):
                return genotype
        raise EvonasError(f"no neighbour of {parent} has at most {self.limit} parameters; raise --max-params")
