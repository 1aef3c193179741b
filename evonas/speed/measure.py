"""Architectures and images per second on this machine, compared in one run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from evonas.core.devices import describe, peak_memory
from evonas.searching.images import images_for
from evonas.searching.objectives.fitness import Fitness
from evonas.searching.objectives.named import fitness_of
from evonas.searching.resolve import resolve_scoring
from evonas.searching.task import task_of
from evonas.speed.host import HostCost, host_costs
from evonas.speed.kernels import Kernel, kernels
from evonas.speed.oracle import NETWORKS, exact
from evonas.speed.roofline import Roofline, Work, roofline
from evonas.speed.rows import Row
from evonas.speed.scoring import Where, batches, scoring_rows, ways_of, work_of
from evonas.speed.training import Trained, default_batch, training
from evonas.speed.versions import versions
from evonas.store.settings import SearchSettings
from fitness import Batch, proxies, stable_hash
from fitness.population.fitting import bytes_each, fitting
from spaces import UsageError

Announce = Callable[[str], object]
CPU_ARCHITECTURES, GPU_ARCHITECTURES = 4, 256  # by default


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
    versions: dict[str, str | None]
    kernels: tuple[Kernel, ...]
    compiling: float | None  # seconds; None if nothing was compiled
    failure: str | None  # why the network could not be compiled
    host: tuple[HostCost, ...]  # of `croze` on a GPU, for which it waits

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
    architectures: int | None = None,
    rounds: int = 3,
    train_batch: int | None = None,
    compile: bool | None = None,
    announce: Announce = lambda text: None,
) -> Measurement:
    """Score random genotypes with every engine in turn, round by round, and train the first one for a few steps.

    All ``engines`` run with the first number of ``networks`` per pass, then this process with each of the others;
    by default 1 and all architectures on a CPU, and on a GPU as many as its memory holds, 64, 16 and 1, and the
    loop over single networks, if space and proxy support batched scoring. The start of an engine is not counted.
    ``architectures`` are by default 4 on a CPU and 256 on a GPU, of which slow ways take few. ``train_batch`` 0
    skips training; None is 96 images on a GPU, 16 on a CPU. ``compile`` adds compiled steps, by default on a GPU.
    Raises `UsageError` for numbers below 1 and unknown
    names.
    """
    if (architectures is not None and architectures < 1) or rounds < 1:
        raise UsageError("--architectures and --rounds must be at least 1")
    if not engines:
        raise UsageError("--engine needs at least one name, such as in-process")
    settings = resolve_scoring(settings)
    if architectures is None:
        architectures = (
            CPU_ARCHITECTURES if settings.device == "cpu" else max(GPU_ARCHITECTURES, *(networks or [1]))
        )
    ways = ways_of(engines, networks, architectures, settings)
    fitness = fitness_of(settings.proxy)
    images = images_for([fitness], settings, announce)
    task = dataclasses.replace(task_of(settings, images), populations=None)
    rng = np.random.default_rng(stable_hash(settings.seed, "bench"))
    genotypes = [task.space.random(rng) for _ in range(architectures)]

    if networks is None and task.device.startswith("cuda") and batches(settings):
        settings = _fitting(genotypes, fitness, settings, images)
        ways = ways_of(engines, None, architectures, settings)
    announce("the limits of the device")
    limits = roofline(task.device)
    announce("one architecture, counted")
    work = work_of(genotypes[0], fitness, task)
    expected = []
    if all(name in proxies and proxies[name].needs_images for name in fitness.names):  # others do not round
        announce(f"{min(NETWORKS, architectures)} architectures in float64 on a CPU")
        expected = exact(genotypes, fitness, task)
    where, ideal = Where(workers, ray_address), limits.seconds(work)
    rows = scoring_rows(genotypes, settings, images, ways, where, rounds, ideal, expected, announce)
    costs: list[HostCost] = []
    if task.device.startswith("cuda") and batches(settings) and task.batch is not None:
        announce("what scoring costs the host")
        costs = host_costs(genotypes, task, sorted({way.networks for way in ways}), rounds)
    trained = Trained([])
    if train_batch != 0:
        announce("training steps")
        trained = training(genotypes[0], task, train_batch, rounds, limits, compile)
    announce("depthwise convolutions")
    assert settings.channels and settings.layers  # resolved
    side = task.size.image[-1]
    count = train_batch or default_batch(task.device)
    depthwise = kernels(task.device, count, settings.channels, side, rounds, limits)
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
        tuple(rows + trained.rows),
        peak_memory(task.device),
        versions(task.device),
        tuple(depthwise),
        trained.compiling,
        trained.failure,
        tuple(costs),
    )


def _fitting(
    genotypes: Sequence[Any], fitness: Fitness, settings: SearchSettings, images: Batch | None
) -> SearchSettings:
    """The settings with as many networks per pass as the memory of the GPU holds."""
    task = task_of(settings, images)
    each = bytes_each(genotypes, fitness.names, task)
    if each is None or task.populations is None:
        return settings
    return dataclasses.replace(settings, batch_networks=fitting(each, task.populations, task.device)[0])
