"""The DEAP toolbox of a search; all operators draw from one explicit generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deap import base, tools
from numpy.random import Generator

from evonas.engine import Engine
from evonas.engine.scores import no_score, score_chunk
from evonas.searching.individual import Individual
from evonas.store.settings import SearchSettings
from fitness import Task
from spaces import EvonasError, NetworkSize, Space

MAX_DRAWS = 10_000


def tournament(population: Sequence[Individual], size: int, rng: Generator) -> Individual:
    """The best of ``size`` members drawn without replacement."""
    drawn = rng.choice(len(population), size=size, replace=False)
    return tools.selBest([population[i] for i in drawn.tolist()], 1)[0]


class Admission:
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


def toolbox(
    space: Space, settings: SearchSettings, task: Task, names: Sequence[str], engine: Engine, rng: Generator
) -> base.Toolbox:
    """``random``, ``mutate``, ``select``, ``evaluate`` and ``map`` under DEAP's usual names.

    ``evaluate`` takes a list of genotypes and returns their scores by ``names``, those of the proxies; ``map``
    passes such lists to it in any process, and yields the scores one by one.
    """
    admission = Admission(space, settings)
    box = base.Toolbox()
    box.register("random", admission.random, rng=rng)
    box.register("mutate", admission.mutate, rng=rng)
    box.register("select", tournament, size=settings.tournament, rng=rng)
    box.register("evaluate", score_chunk, names=names, task=task)
    box.register("map", engine.map, lost=lambda genotype, reason: no_score(names, reason))
    return box
