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


class Way(NamedTuple):
    """An engine and the number of networks per pass."""

    engine: str
    networks: int


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
    passes = spaces[settings.space].has_shared_passes and settings.proxy in PASSES
    if networks is None:
        networks = _networks(architectures, settings) if passes else (1,)
    for count in networks:
        if not 1 <= count <= architectures:
            raise UsageError(f"--batch-networks must be from 1 to --architectures {architectures}, not {count}")
        if count > 1 and not passes:
            raise UsageError(f"{settings.proxy} cannot batch {settings.space} networks; use --batch-networks 1")
    if not networks:
        raise UsageError("--batch-networks needs at least one number, such as 1")
    first, *others = dict.fromkeys(networks)
    return [Way(name, first) for name in dict.fromkeys(engines)] + [Way("in-process", count) for count in others]


def _networks(architectures: int, settings: SearchSettings) -> list[int]:
    """On a GPU what a search does by default, and smaller numbers; on a CPU 1 and all."""
    if settings.device == "cpu":
        return [1, architectures]
    chosen = settings.batch_networks or 1
    return [min(count, architectures) for count in (chosen, *(few for few in (64, 16, 1) if few != chosen))]


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
        calls, hows, memories, differences = [], [], [], []
        for name, networks in ways:
            engine = stack.enter_context(where.make(name).opened(device, announce))
            task = task_of(dataclasses.replace(settings, batch_networks=networks), images, engine.most_workers)
            engine.share(len(genotypes), networks_per_call(task))
            evaluate = partial(score_chunk, fitness=fitness, task=task)

            def score(opened: Engine = engine, evaluate: Any = evaluate) -> list[Any]:
                return list(opened.map(evaluate, genotypes, lambda genotype, reason: no_score(names, reason)))

            announce(f"{name}: warming up")
            with Peak(device, engine.processes) as peak:
                scores = score()  # starts workers, selects kernels
            calls.append(score)
            hows.append(engine.description + (f", {networks} at once" if networks > 1 else ""))
            differences.append(difference(scores, expected))
            memories.append(peak.bytes if device == "cpu" or name == "in-process" else None)
        announce(f"{rounds} rounds of {len(genotypes)} architectures")
        timings = alternate(calls, rounds, device)
    return [
        Row.of(
            "score",
            how,
            timing,
            len(genotypes),
            timings[0],
            engine=name,
            ideal=ideal if name == "in-process" else None,
            networks=networks,
            memory=memory,
            difference=apart,
        )
        for (name, networks), how, memory, apart, timing in zip(
            ways, hows, memories, differences, timings, strict=True
        )
    ]
