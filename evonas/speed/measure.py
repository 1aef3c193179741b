"""Architectures and images per second on this machine, compared in one run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from evonas.core.devices import describe, peak_memory
from evonas.searching.images import images_for
from evonas.searching.objectives.named import fitness_of
from evonas.searching.resolve import resolve_scoring
from evonas.searching.task import task_of
from evonas.speed.clock import alternate
from evonas.speed.memory import Peak
from evonas.speed.roofline import Roofline, Work, counted, roofline
from evonas.speed.rows import Row
from evonas.speed.scoring import Where, scoring_rows, ways_of, work_of
from evonas.speed.training import step_of
from evonas.store.settings import SearchSettings
from fitness import Task, stable_hash
from spaces import UsageError

Announce = Callable[[str], object]


@dataclass(frozen=True)
class Measurement:
    """The measurements, the device and the settings."""

    device: str
    torch: str
    proxy: str
    channels: int
    layers: int
    architectures: int
    rounds: int
    limits: Roofline
    work: Work  # of scoring one architecture
    rows: tuple[Row, ...]
    peak_memory: int  # bytes, of this process or of the GPU

    def as_json(self) -> dict[str, Any]:
        """The JSON document of ``evonas bench --json``."""
        return asdict(self) | {"limits": self.limits._asdict(), "work": self.work._asdict()}


def measure(
    settings: SearchSettings,
    *,
    engines: Sequence[str] = ("in-process", "processes"),
    networks: Sequence[int] | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
    architectures: int = 4,
    rounds: int = 3,
    train_batch: int | None = None,
    announce: Announce = lambda text: None,
) -> Measurement:
    """Score random genotypes with every engine in turn, round by round, and train the first one for a few steps.

    All ``engines`` run with the first number of ``networks`` per pass, then this process with each of the others;
    by default 1 and all architectures, if space and proxy support batched scoring. The start of an engine is not
    counted. ``train_batch`` 0 skips training; None is 96 images on a GPU, 16 on a CPU. Raises `UsageError` for
    numbers below 1 and unknown names.
    """
    if architectures < 1 or rounds < 1:
        raise UsageError("--architectures and --rounds must be at least 1")
    if not engines:
        raise UsageError("--engine needs at least one name, such as in-process")
    settings = resolve_scoring(settings)
    ways = ways_of(engines, networks, architectures, settings)
    fitness = fitness_of(settings.proxy)
    images = images_for([fitness], settings, announce)
    task = task_of(dataclasses.replace(settings, batch_networks=1), images)
    rng = np.random.default_rng(stable_hash(settings.seed, "bench"))
    genotypes = [task.space.random(rng) for _ in range(architectures)]

    announce("the limits of the device")
    limits = roofline(task.device)
    announce("one architecture, counted")
    work = work_of(genotypes[0], fitness, task)
    where, ideal = Where(workers, ray_address), limits.seconds(work)
    rows = scoring_rows(genotypes, settings, images, ways, where, rounds, ideal, announce)
    if train_batch != 0:
        announce("training steps")
        rows += _training(genotypes[0], task, train_batch, rounds, limits)
    assert settings.channels and settings.layers  # resolved
    return Measurement(
        describe(task.device),
        torch.__version__,
        settings.proxy,
        settings.channels,
        settings.layers,
        architectures,
        rounds,
        limits,
        work,
        tuple(rows),
        peak_memory(task.device),
    )


def _training(genotype: Any, task: Task, batch_size: int | None, rounds: int, limits: Roofline) -> list[Row]:
    if batch_size is None:
        batch_size = 96 if task.device.startswith("cuda") else 16
    step = step_of(genotype, task, batch_size)
    with counted() as found:
        step()
    with Peak(task.device, lambda: [os.getpid()]) as peak:
        timing = alternate([step], rounds, task.device)[0]
    cuda = task.device.startswith("cuda")  # bfloat16, which has other limits
    ideal = None if cuda else limits.seconds(found[0]) / batch_size
    how = f"training, batch {batch_size}"
    return [Row.of("train", how, timing, batch_size, timing, ideal=ideal, memory=peak.bytes)]
