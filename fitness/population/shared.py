"""The passes that a population shares for the requested proxies."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fitness.base import NoScore, Populations, Task, stable_hash, threads
from fitness.croze import LayerTerms, released_layers
from fitness.naswot import agreement_of
from fitness.passes import LayerSums, Remembered, first_order_sums
from fitness.population import memory
from fitness.population.agreement import agreements
from fitness.population.croze import croze_layers
from fitness.population.first_order import first_order
from fitness.population.plan import Plan, plan, supported
from fitness.population.synflow import synflow_logs
from fitness.population.weights import Weights, draw
from fitness.precision import full_precision
from fitness.synflow import flow
from spaces.size import CIFAR


class SharedPass(NamedTuple):
    """How a population comes to what ``one`` returns for each of its networks."""

    one: Remembered[Any]
    many: Callable[[Plan, Task], Sequence[Any]]
    norm: bool  # whether the networks have BatchNorm
    images: bool = True  # those of the task; else a single one

    def needed(self, population: Plan, task: Task) -> int:
        """Bytes at the peak."""
        images = task.image_count if self.images else 1
        joint = task.device.startswith("cuda")
        return memory.needed(population, images, task.dtype.itemsize, norm=self.norm, joint=joint)


def _weights(population: Plan, task: Task) -> Weights:
    seeds = [stable_hash(task.seed, task.space.key(genotype)) for genotype in population.genotypes]
    cores = 1 if task.device == "cpu" else os.cpu_count() or 1  # a GPU would wait for one of them
    return draw(population, seeds, task.device, task.dtype, min(cores, population.networks))


@torch.no_grad()
def _released_layers(population: Plan, task: Task) -> list[list[LayerTerms] | NoScore]:
    images, labels = task.images_and_labels()
    return croze_layers(population, _weights(population, task), images.contiguous(), labels, task.device)


@torch.no_grad()
def _first_order_sums(population: Plan, task: Task) -> list[LayerSums]:
    images, labels = task.images_and_labels()
    return first_order(population, _weights(population, task), images.contiguous(), labels, task.device)


@torch.no_grad()
def _agreements(population: Plan, task: Task) -> Sequence[Tensor]:
    images, _ = task.images_and_labels()
    return agreements(population, _weights(population, task), images.contiguous(), task.device).unbind()


@torch.no_grad()
def _flows(population: Plan, task: Task) -> list[float | NoScore]:
    return synflow_logs(population, _weights(population, task), task.device)


CROZE = SharedPass(released_layers, _released_layers, norm=False)
FIRST_ORDER = SharedPass(first_order_sums, _first_order_sums, norm=True)
AGREEMENT = SharedPass(agreement_of, _agreements, norm=True)
FLOW = SharedPass(flow, _flows, norm=False, images=False)
PASSES = {  # by proxy
    **dict.fromkeys(("croze", "croze:P", "croze:G", "croze:Z"), CROZE),
    **dict.fromkeys(("grad-norm", "snip", "plain", "fisher"), FIRST_ORDER),
    "naswot": AGREEMENT,
    "synflow": FLOW,
}


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
    """Runs the passes of the proxies ``names`` on populations that fit in memory."""

    def __init__(self, names: Sequence[str], task: Task, populations: Populations) -> None:
        self.task, self.most, self.memory = task, populations.networks, populations.memory
        self.passes: dict[SharedPass, str] = {}
        for name in names:
            if name in PASSES:
                self.passes.setdefault(PASSES[name], name)

    def run(self, genotypes: Sequence[Any]) -> Found:
        """The results for canonical ``genotypes``; those that no population can hold are left out."""
        held = self.task.size.stem == CIFAR  # others are scored one by one
        fit = [i for i, genotype in enumerate(genotypes) if held and supported(genotype, self.task.space)]
        found = Found(genotypes, self.task)
        alike: dict[tuple[int, int] | None, list[int]] = {}
        for i in fit:
            widths = len(genotypes[i].normal_concat), len(genotypes[i].reduce_concat)
            alike.setdefault(widths if self.task.device == "cpu" else None, []).append(i)
        for shared, first in self.passes.items():
            started = time.perf_counter()
            results: dict[int, Any] = {}
            for which in alike.values():  # padding would change the order of sums, and with it bits, on a CPU
                with threads(1), full_precision():
                    results |= zip(which, self._split(shared, [genotypes[i] for i in which]), strict=True)
            each = (time.perf_counter() - started) / max(1, len(fit))
            found.results.append((shared, first, results, each))
        return found

    def _split(self, shared: SharedPass, genotypes: Sequence[Any]) -> list[Any]:
        """All results, from as few populations as memory allows."""
        results: list[Any] = []
        while len(results) < len(genotypes):
            population = self._next(shared, genotypes[len(results) :])
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
                f"{population.networks} networks do not fit in the memory of {self.task.device}; "
                f"continuing with {self.most} at once",
                RuntimeWarning,
                stacklevel=2,
            )
        return results

    def _next(self, shared: SharedPass, genotypes: Sequence[Any]) -> Plan:
        """A population of the first genotypes, halved until it is predicted to fit, but at least one."""
        budget = memory.budget(self.task.device, self.memory)
        count = min(self.most, len(genotypes))
        while True:
            population = plan(genotypes[:count], self.task.size)
            if count == 1 or budget is None or shared.needed(population, self.task) <= budget:
                return population
            count //= 2
