"""Architectures and images a second of this machine, side by side in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from evonas.config import SearchSettings
from evonas.data import batch as load_batch
from evonas.device import describe, peak_memory
from evonas.engine import make
from evonas.engine.scores import no_score, score_chunk
from evonas.speed.clock import Timing, alternate
from evonas.speed.roofline import Roofline, Work, counted, roofline
from evonas.speed.training import step_of
from evonas.task import task_of
from fitness import Task, proxies, score_all, stable_hash
from spaces import UsageError

Announce = Callable[[str], object]


@dataclass(frozen=True)
class Row:
    """One way to do the work; times in seconds."""

    what: str  # "score" or "train"
    how: str  # where the engine computes, or the batch
    engine: str | None
    per_second: float  # architectures, or images
    seconds: float  # of one, by the median round
    fastest: float
    slowest: float
    ratio: float  # how many times the first row of its kind
    fraction: float | None  # of the roofline; None where several processes share it


@dataclass(frozen=True)
class Measurement:
    """What was measured, where, and of what."""

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
    workers: int | None = None,
    ray_address: str | None = None,
    architectures: int = 4,
    rounds: int = 3,
    train_batch: int | None = None,
    announce: Announce = lambda text: None,
) -> Measurement:
    """Scores random genotypes with every engine in turn, round by round, and trains the first one for a few steps.

    Starting an engine is not counted. ``train_batch`` 0 leaves training out; None is 96 images on a GPU, 16 on a
    CPU. Raises `UsageError` for numbers below 1 and unknown names.
    """
    if architectures < 1 or rounds < 1:
        raise UsageError("--architectures and --rounds must be at least 1")
    if not engines:
        raise UsageError("no engine was named; --engine in-process would do")
    settings = settings.resolve()
    images = None
    if proxies[settings.proxy].needs_images:
        images = load_batch(
            settings.dataset, settings.batch_size, settings.seed, settings.data_dir, settings.image_size
        )
    task = task_of(settings, images)
    rng = np.random.default_rng(stable_hash(settings.seed, "bench"))
    genotypes = [task.space.random(rng) for _ in range(architectures)]

    announce("the limits of the device")
    limits = roofline(task.device)
    announce("one architecture, counted")
    work = _work(genotypes[0], settings.proxy, task)
    rows = _scoring(genotypes, settings.proxy, task, engines, workers, ray_address, rounds, limits, work, announce)
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


def _work(genotype: Any, proxy: str, task: Task) -> Work:
    with counted() as found:
        next(iter(score_all([genotype], [proxy], task)))
    return found[0]


def _scoring(
    genotypes: list[Any],
    proxy: str,
    task: Task,
    engines: Sequence[str],
    workers: int | None,
    ray_address: str | None,
    rounds: int,
    limits: Roofline,
    work: Work,
    announce: Announce,
) -> list[Row]:
    names = (proxy,)
    evaluate = partial(score_chunk, names=names, task=task)
    with ExitStack() as stack:
        calls, found = [], []
        for name in dict.fromkeys(engines):
            engine = make(name, None if name == "in-process" else workers, ray_address if name == "ray" else None)
            opened = stack.enter_context(engine.opened(task.device, announce))

            def score(opened: Any = opened) -> list[Any]:
                return list(opened.map(evaluate, genotypes, lambda genotype, reason: no_score(names, reason)))

            announce(f"{name}: warming up")
            score()  # workers begin, kernels are chosen
            calls.append(score)
            found.append((name, opened.description))
        announce(f"{rounds} rounds of {len(genotypes)} architectures")
        timings = alternate(calls, rounds, task.device)
    ideal = limits.seconds(work)
    return [
        _row("score", how, name, timing, len(genotypes), timings[0], ideal if name == "in-process" else None)
        for (name, how), timing in zip(found, timings, strict=True)
    ]


def _training(genotype: Any, task: Task, batch_size: int | None, rounds: int, limits: Roofline) -> list[Row]:
    if batch_size is None:
        batch_size = 96 if task.device.startswith("cuda") else 16
    step = step_of(genotype, task, batch_size)
    with counted() as found:
        step()
    timing = alternate([step], rounds, task.device)[0]
    fraction = None if task.device.startswith("cuda") else limits.seconds(found[0])  # bfloat16 has other limits
    return [_row("train", f"training, batch {batch_size}", None, timing, batch_size, timing, fraction)]


def _row(
    what: str, how: str, engine: str | None, timing: Timing, units: int, first: Timing, ideal: float | None
) -> Row:
    """``ideal``: the least seconds of one call for scoring one architecture, or of one step."""
    one = timing.median / units
    fraction = None
    if ideal is not None:
        fraction = ideal / one if what == "score" else ideal / timing.median
    return Row(
        what,
        how,
        engine,
        1 / one,
        one,
        min(timing.seconds) / units,
        max(timing.seconds) / units,
        first.median / timing.median,
        fraction,
    )
