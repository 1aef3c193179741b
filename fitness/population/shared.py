"""The passes that a population shares, for whichever proxies are asked for."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from fitness.base import NoScore, Populations, Task, one_thread, stable_hash
from fitness.croze import LayerTerms, released_layers
from fitness.passes import Remembered
from fitness.population import memory
from fitness.population.croze import croze_layers
from fitness.population.plan import Plan, plan, supported
from fitness.population.weights import draw


class SharedPass(NamedTuple):
    """How a population comes to what ``one`` returns for each of its networks."""

    one: Remembered[Any]
    many: Callable[[Plan, Task], Sequence[Any]]


def _released_layers(population: Plan, task: Task) -> list[list[LayerTerms] | NoScore]:
    seeds = [stable_hash(task.seed, task.space.key(genotype)) for genotype in population.genotypes]
    weights = draw(population, seeds, task.device, task.dtype)
    images, labels = task.images_and_labels()
    with torch.no_grad():
        return croze_layers(population, weights, images.contiguous(), labels, task.device)


CROZE = SharedPass(released_layers, _released_layers)
PASSES = {"croze": CROZE, "croze:P": CROZE, "croze:G": CROZE, "croze:Z": CROZE}  # by proxy


@dataclass
class Found:
    """Results of one population, one for each network and pass; ``first`` is the first proxy that reads a pass."""

    genotypes: Sequence[Any]
    task: Task
    results: list[tuple[SharedPass, str, dict[int, Any], float]] = field(default_factory=list)

    def keep(self, i: int) -> dict[str, float]:
        """Let the proxies of genotype ``i`` find its results; returns the seconds of its share by first proxy."""
        seconds = {}
        for shared, first, results, each in self.results:
            if i in results:
                shared.one.keep(self.genotypes[i], self.task, results[i])
                seconds[first] = each
        return seconds


class SharedPasses:
    """Runs the passes that proxies ``names`` need through populations that fit into memory."""

    def __init__(self, names: Sequence[str], task: Task, populations: Populations) -> None:
        self.task, self.most, self.memory = task, populations.networks, populations.memory
        self.passes: dict[SharedPass, str] = {}
        for name in names:
            if name in PASSES:
                self.passes.setdefault(PASSES[name], name)

    def run(self, genotypes: Sequence[Any]) -> Found:
        """The results for canonical ``genotypes``; those that no population can hold are left out."""
        fit = [i for i, genotype in enumerate(genotypes) if supported(genotype)]
        found = Found(genotypes, self.task)
        alike: dict[tuple[int, int] | None, list[int]] = {}
        for i in fit:
            widths = len(genotypes[i].normal_concat), len(genotypes[i].reduce_concat)
            alike.setdefault(widths if self.task.device == "cpu" else None, []).append(i)
        for shared, first in self.passes.items():
            started = time.perf_counter()
            results: dict[int, Any] = {}
            for which in alike.values():  # padding would change the order of sums, and with it bits, on a CPU
                with one_thread():
                    results |= zip(which, self._split(shared, [genotypes[i] for i in which]), strict=True)
            each = (time.perf_counter() - started) / max(1, len(fit))
            found.results.append((shared, first, results, each))
        return found

    def _split(self, shared: SharedPass, genotypes: Sequence[Any]) -> list[Any]:
        """All results, from as few populations as memory allows."""
        results: list[Any] = []
        while len(results) < len(genotypes):
            population = self._next(genotypes[len(results) :])
            try:
                results += shared.many(population, self.task)
            except (MemoryError, RuntimeError) as error:
                if not memory.is_exhaustion(error) or population.networks == 1:
                    raise
                self.most = population.networks // 2
            else:
                continue
            memory.release(self.task.device)  # after the error, which holds what the pass had allocated
            warnings.warn(
                f"{population.networks} networks do not fit into the memory of {self.task.device}; "
                f"going on with {self.most} at once",
                RuntimeWarning,
                stacklevel=2,
            )
        return results

    def _next(self, genotypes: Sequence[Any]) -> Plan:
        """A population of the first genotypes, halved until it is predicted to fit, but at least one."""
        assert self.task.batch is not None
        budget = memory.budget(self.task.device, self.memory)
        count = min(self.most, len(genotypes))
        while True:
            population = plan(genotypes[:count], self.task.size)
            needed = memory.needed(population, len(self.task.batch.labels), self.task.dtype.itemsize)
            if count == 1 or budget is None or needed <= budget:
                return population
            count //= 2
