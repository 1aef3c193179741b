"""The passes that a population shares for the requested proxies."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fitness.base import NoScore, Populations, Task, threads
from fitness.croze import LayerTerms, released_layers
from fitness.naswot import agreement_of
from fitness.passes import LayerSums, Remembered, first_order_sums
from fitness.population import memory
from fitness.population.agreement import agreements
from fitness.population.ahead import Ahead
from fitness.population.croze import croze_layers
from fitness.population.first_order import first_order
from fitness.population.plan import Plan, plan, supported
from fitness.population.synflow import synflow_logs
from fitness.population.weights import Weights
from fitness.precision import full_precision
from fitness.synflow import flow


class SharedPass(NamedTuple):
    """How a population comes to what ``one`` returns for each of its networks."""

    one: Remembered[Any]
    many: Callable[[Plan, Task, Weights], Sequence[Any]]
    norm: bool  # whether the networks have BatchNorm
    images: bool = True  # those of the task; else a single one

    def needed(self, population: Plan, task: Task) -> int:
        """Bytes at the peak."""
        images = task.image_count if self.images else 1
        joint = task.device.startswith("cuda")
        return memory.needed(population, images, task.dtype.itemsize, norm=self.norm, joint=joint)


@torch.no_grad()
def _released_layers(population: Plan, task: Task, weights: Weights) -> list[list[LayerTerms] | NoScore]:
    images, labels = task.images_and_labels()
    return croze_layers(population, weights, images.contiguous(), labels, task.device)


@torch.no_grad()
def _first_order_sums(population: Plan, task: Task, weights: Weights) -> list[LayerSums]:
    images, labels = task.images_and_labels()
    return first_order(population, weights, images.contiguous(), labels, task.device)


@torch.no_grad()
def _agreements(population: Plan, task: Task, weights: Weights) -> Sequence[Tensor]:
    images, _ = task.images_and_labels()
    return agreements(population, weights, images.contiguous(), task.device).unbind()


@torch.no_grad()
def _flows(population: Plan, task: Task, weights: Weights) -> list[float | NoScore]:
    return synflow_logs(population, weights, task.device)


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
    """Runs the passes of the proxies ``names`` on populations that fit in memory; `close` ends its threads."""

    def __init__(self, names: Sequence[str], task: Task, populations: Populations) -> None:
        self.task, self.most, self.memory = task, populations.networks, populations.memory
        self.ahead = Ahead(task)
        self.passes: dict[SharedPass, str] = {}
        for name in names:
            if name in PASSES:
                self.passes.setdefault(PASSES[name], name)

    def close(self) -> None:
        """Nothing more is drawn."""
        self.ahead.close()

    def run(self, genotypes: Sequence[Any], following: Sequence[Any] = ()) -> Found:
        """The results for canonical ``genotypes``; those that no population can hold are left out.

        If the task draws ahead, the weights of ``following``, which come next, are drawn at the end.
        """
        found = Found(genotypes, self.task)
        groups = self._groups(genotypes)
        work = [(shared, which) for shared in self.passes for which in groups]
        coming: list[list[Any]] = [[genotypes[i] for i in which] for _, which in work[1:]]
        coming += [[following[i] for i in which] for which in self._groups(following)[:1]] or [[]]
        scored = max(1, sum(map(len, groups)))
        for shared, first in self.passes.items():
            started = time.perf_counter()
            results: dict[int, Any] = {}
            for which in groups:
                with threads(1), full_precision():
                    own = self._split(shared, [genotypes[i] for i in which], coming.pop(0) if coming else [])
                results |= zip(which, own, strict=True)
            found.results.append((shared, first, results, (time.perf_counter() - started) / scored))
        return found

    def _groups(self, genotypes: Sequence[Any]) -> list[list[int]]:
        """Which genotypes can be in one population."""
        alike: dict[tuple[int, int] | None, list[int]] = {}
        for i, genotype in enumerate(genotypes):
            if supported(genotype, self.task.space):
                widths = len(genotype.normal_concat), len(genotype.reduce_concat)
                # padding would change the order of sums, and with it bits, on a CPU
                alike.setdefault(widths if self.task.device == "cpu" else None, []).append(i)
        return list(alike.values())

    def _split(self, shared: SharedPass, genotypes: Sequence[Any], following: Sequence[Any]) -> list[Any]:
        """All results, from as few populations as memory allows; ``following`` come next."""
        results: list[Any] = []
        while len(results) < len(genotypes):
            budget = memory.budget(self.task.device, self.memory)
            population = self._next(shared, genotypes[len(results) :], budget)
            rest = genotypes[len(results) + population.networks :] or following
            try:
                results += self._pass(shared, population, rest, budget)
            except (MemoryError, RuntimeError) as error:
                indices = memory.is_too_large(error)
                if not (indices or memory.is_exhaustion(error)) or population.networks == 1:
                    raise
                self.most = population.networks // 2
            else:
                continue
            memory.release(self.task.device)  # after the error, which holds what the pass had allocated
            limit = "exceed the indices of a kernel" if indices else "do not fit in the memory"
            warnings.warn(
                f"{population.networks} networks {limit} of {self.task.device}; "
                f"continuing with {self.most} at once",
                RuntimeWarning,
                stacklevel=2,
            )
        return results

    def _pass(
        self, shared: SharedPass, population: Plan, following: Sequence[Any], budget: int | None
    ) -> Sequence[Any]:
        weights = self.ahead.weights(population)
        if following and self.task.draws_ahead:
            self.ahead.begin(self._next(shared, following, budget))
        return shared.many(population, self.task, weights)

    def _next(self, shared: SharedPass, genotypes: Sequence[Any], budget: int | None) -> Plan:
        """A population of the first genotypes, as many as are predicted to fit in ``budget`` bytes, at least one.

        If they need several populations, these are of about one size.
        """
        wanted = min(self.most, len(genotypes))
        drawn = self.ahead.plan
        if drawn is not None and drawn.genotypes == tuple(genotypes[:wanted][: drawn.networks]):
            population = drawn
        else:
            population = plan(genotypes[:wanted], self.task.size)
        while budget is not None and population.networks > 1:
            needed, count = shared.needed(population, self.task), population.networks
            if needed <= budget:
                break
            fitting = max(1, min(count - 1, count * budget // needed))
            population = plan(genotypes[: -(-wanted // -(-wanted // fitting))], self.task.size)
        return population
