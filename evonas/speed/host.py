"""What scoring costs the host, which a GPU waits for: networks one after the other, and populations."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

import torch

from evonas.speed.clock import synchronize
from evonas.speed.roofline import Counter
from fitness import Batch, Task, croze_terms, stable_hash
from fitness.population.croze import croze_cosines
from fitness.population.network import Index
from fitness.population.plan import Plan, plan
from fitness.population.weights import Drawing
from fitness.precision import full_precision

CHANNELS, SIDE = (
    4,
    8,
)  # of what is launched: calls do not depend on them, and the device must not be the slower one


@dataclass(frozen=True)
class HostCost:
    """Seconds of one host thread per network, for `croze`."""

    networks: int | None  # in one pass; None for the loop
    calls: float  # per network, without views
    drawing: float  # weights; in the loop with the modules
    planning: float  # plans and their indices
    launching: float  # all calls, until the last one has returned


class Steps(NamedTuple):
    """One way of scoring; each call is of ``networks`` networks."""

    networks: int | None
    draw: Callable[[], object]
    plan: Callable[[], object]
    launch: Callable[[], object]


def host_costs(
    genotypes: Sequence[Any],
    task: Task,
    networks: Sequence[int],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[HostCost]:
    """Of the loop and of populations of every number of ``networks``, round by round side by side.

    Weights and plans are those of the task, calls those of a small network of as many layers.
    """
    size = dataclasses.replace(task.size, channels=CHANNELS, image_size=SIDE)
    small = dataclasses.replace(task, size=size, batch=_images(task))
    canonical = [task.space.canonical(genotype) for genotype in genotypes]
    works = [_loop(canonical[0], task, small)]
    works += [_population(canonical[:count], task, small) for count in networks]
    calls = []
    with full_precision():
        for work in works:
            with Counter() as counter:
                work.launch()
            calls.append(counter.calls)
        seconds = [[_seconds(work, task.device, clock) for work in works] for _ in range(rounds)]
    found = []
    for work, count, own in zip(works, calls, zip(*seconds, strict=True), strict=True):
        each = [median(one) / (work.networks or 1) for one in zip(*own, strict=True)]
        found.append(HostCost(work.networks, count / (work.networks or 1), *each))
    return found


def _seconds(work: Steps, device: str, clock: Callable[[], float]) -> list[float]:
    found = []
    for call in (work.draw, work.plan, work.launch):
        synchronize(device)
        started = clock()
        call()
        found.append(clock() - started)
    return found


def _images(task: Task) -> Batch:
    count = task.image_count
    black = torch.zeros(3, 1, 1)
    return Batch(torch.rand(count, 3, SIDE, SIDE), torch.arange(count) % task.size.classes, black, black + 1)


def _loop(genotype: Any, task: Task, small: Task) -> Steps:
    network, (images, labels) = small.network(genotype, norm=False), small.images_and_labels()
    return Steps(
        None,
        lambda: task.network(genotype, norm=False),
        lambda: None,
        lambda: croze_terms(network, images, labels),
    )


def _population(genotypes: Sequence[Any], task: Task, small: Task) -> Steps:
    seeds = [stable_hash(task.seed, task.space.key(genotype)) for genotype in genotypes]

    def drawing(of: Plan) -> Drawing:
        found = Drawing(of, seeds, pinned=task.device.startswith("cuda"))
        for network in range(len(genotypes)):
            found.fill(network)
        return found

    whole, drawn = plan(genotypes, task.size), drawing(plan(genotypes, small.size))
    index, (images, labels) = Index(drawn.plan, task.device), small.images_and_labels()
    weights = drawn.weights.on(task.device, task.dtype)

    def launch() -> None:
        with torch.no_grad():
            croze_cosines(drawn.plan, index, weights, images, labels, task.device)

    planned: Callable[[], object] = lambda: Index(plan(genotypes, task.size), task.device)  # noqa: E731
    return Steps(len(genotypes), lambda: drawing(whole), planned, launch)
