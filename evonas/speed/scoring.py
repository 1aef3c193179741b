"""Architectures per second of every engine and of batched scoring."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from evonas.engine import Engine, make
from evonas.engine.scores import Scorer, networks_per_call, no_score, score_chunk
from evonas.searching.objectives.named import fitness_of
from evonas.searching.task import task_of
from evonas.speed.clock import alternate
from evonas.speed.memory import Peak
from evonas.speed.oracle import difference
from evonas.speed.roofline import Work, counted
from evonas.speed.rows import Row
from evonas.store.settings import SearchSettings
from fitness import Batch, Score, Task
from fitness.population.shared import PASSES
from spaces import UsageError, spaces

Announce = Callable[[str], object]


ON_GPU = (64, 16)  # networks per pass, next to what a search uses and to one
SLOW = {16: 64, 1: 8}  # architectures of ways with at most so many networks per pass on a GPU


class Way(NamedTuple):
    """An engine and the number of networks per pass; one network that is not ``batched`` is the loop."""

    engine: str
    networks: int
    batched: bool = False

    def architectures(self, count: int, device: str) -> int:
        """How many of ``count`` are scored in each round: on a GPU few where each takes long."""
        limits = [] if device == "cpu" else [of for networks, of in SLOW.items() if self.networks <= networks]
        return min([count, *limits])

    def task(self, settings: SearchSettings, images: Batch | None, workers: int) -> Task:
        task = task_of(dataclasses.replace(settings, batch_networks=2 if self.batched else 1), images, workers)
        if task.populations is None or not self.batched:
            return dataclasses.replace(task, populations=None)
        return dataclasses.replace(task, populations=dataclasses.replace(task.populations, networks=self.networks))


class Where(NamedTuple):
    """The options of engines other than this process."""

    workers: int | None
    ray_address: str | None

    def make(self, name: str) -> Engine:
        return make(
            name, None if name == "in-process" else self.workers, self.ray_address if name == "ray" else None
        )


def ways_of(
    engines: Sequence[str], networks: Sequence[int] | None, architectures: int, settings: SearchSettings
) -> list[Way]:
    """Every engine with the first number of ``networks``, then this process with each of the others.

    Raises `UsageError` for numbers out of range.
    """
    passes = batches(settings)
    if networks is None:
        if passes and settings.device.startswith("cuda"):
            return _on_gpu(engines, architectures, settings)
        networks = (1, architectures) if passes else (1,)
    for count in networks:
        if not 1 <= count <= architectures:
            raise UsageError(f"--batch-networks must be from 1 to --architectures {architectures}, not {count}")
        if count > 1 and not passes:
            raise UsageError(f"{settings.proxy} cannot batch {settings.space} networks; use --batch-networks 1")
    if not networks:
        raise UsageError("--batch-networks needs at least one number, such as 1")
    together = passes and settings.device.startswith("cuda")
    first, *others = dict.fromkeys(networks)
    return [Way(name, first, first > 1 or together) for name in dict.fromkeys(engines)] + [
        Way("in-process", count, count > 1 or together) for count in others
    ]


def batches(settings: SearchSettings) -> bool:
    """Whether space and proxy support batched scoring."""
    return spaces[settings.space].has_shared_passes and settings.proxy in PASSES


def _on_gpu(engines: Sequence[str], architectures: int, settings: SearchSettings) -> list[Way]:
    """What a search does by default, fewer networks per pass, a pass of one, and the loop."""
    chosen = settings.batch_networks or 1
    counts = [min(count, architectures) for count in (chosen, *(few for few in ON_GPU if few < chosen))]
    first, *others = dict.fromkeys(counts)
    ways = [Way(name, first, True) for name in dict.fromkeys(engines)]
    ways += [Way("in-process", count, True) for count in others if count > 1]
    return [*ways, Way("in-process", 1, True), Way("in-process", 1)]


def work_of(genotype: Any, fitness: Scorer, task: Task) -> Work:
    """The work of scoring one architecture."""
    with counted() as found:
        next(iter(fitness.score([genotype], task)))
    return found[0]


def scoring_rows(
    genotypes: list[Any],
    settings: SearchSettings,
    images: Batch | None,
    ways: Sequence[Way],
    where: Where,
    rounds: int,
    ideal: float,
    expected: Sequence[Mapping[str, Score]],
    announce: Announce,
) -> list[Row]:
    """Each engine with the times of ``rounds`` and the peak memory of its untimed warm-up round.

    ``expected`` are exact scores of the first genotypes.
    """
    fitness, device = fitness_of(settings.proxy), settings.device
    names = fitness.names
    with ExitStack() as stack:
        calls, hows, memories, differences, counts = [], [], [], [], []
        for way in ways:
            name, networks, _ = way
            engine = stack.enter_context(where.make(name).opened(device, announce))
            task = way.task(settings, images, engine.most_workers)
            counts.append(way.architectures(len(genotypes), device))
            engine.share(counts[-1], networks_per_call(task))
            evaluate = partial(score_chunk, fitness=fitness, task=task)

            def score(opened: Engine = engine, evaluate: Any = evaluate, count: int = counts[-1]) -> list[Any]:
                given = genotypes[:count]
                return list(opened.map(evaluate, given, lambda genotype, reason: no_score(names, reason)))

            announce(f"{name}: warming up")
            with Peak(device, engine.processes) as peak:
                scores = score()  # starts workers, selects kernels
            calls.append(score)
            hows.append(engine.description + (f", {networks} at once" if way.batched else ""))
            differences.append(difference(scores, expected))
            memories.append(peak.bytes if device == "cpu" or name == "in-process" else None)
        announce(f"{rounds} rounds of up to {max(counts)} architectures")
        timings = alternate(calls, rounds, device)
    return [
        Row.of(
            "score",
            how,
            timing,
            count,
            timings[0].median / counts[0],
            engine=name,
            ideal=ideal if name == "in-process" else None,
            networks=networks,
            memory=memory,
            difference=apart,
        )
        for (name, networks, _), count, how, memory, apart, timing in zip(
            ways, counts, hows, memories, differences, timings, strict=True
        )
    ]
