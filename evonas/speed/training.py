"""Images per second of training, with and without `torch.compile`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from evonas.core.events import Event, Warned
from evonas.speed.clock import alternate, synchronize
from evonas.speed.memory import Peak
from evonas.speed.roofline import Roofline, counted
from evonas.speed.rows import Row
from evonas.training.parallel import Group
from evonas.training.recipes import recipes
from evonas.training.step import Step
from fitness import Task
from fitness.layout import layout

WARM_UP = 3  # steps; CUDA graphs are recorded in the second one
LR = 0.01  # of steps on random images


class Trained(NamedTuple):
    """The rows of training, and what compiling took."""

    rows: list[Row]
    compiling: float | None = None  # seconds of the first compiled step
    failure: str | None = None  # why the network could not be compiled


def training(
    genotype: Any, task: Task, batch_size: int | None, rounds: int, limits: Roofline, compile: bool | None
) -> Trained:
    """Steps of the recipe `fast` on random images, by default as many as `default_batch`.

    On a GPU in bfloat16, and by default also compiled.
    """
    cuda = task.device.startswith("cuda")
    batch_size = batch_size or default_batch(task.device)
    steps, names = [step_of(genotype, task, batch_size)], [f"training, batch {batch_size}"]
    with counted() as found:
        steps[0]()
    ideal = limits.seconds(found[0], bfloat16=cuda) / batch_size
    memories = [_warm(steps[0], task.device)]
    compiling = failure = None
    if cuda if compile is None else compile:
        heard: list[str] = []

        def observer(event: Event) -> None:
            heard.extend([event.text] if isinstance(event, Warned) else [])

        step = step_of(genotype, task, batch_size, compile=True, observer=observer)
        started = time.perf_counter()
        step()
        synchronize(task.device)
        compiling, failure = time.perf_counter() - started, next(iter(heard), None)
        if failure is None:
            steps.append(step)
            names.append(f"{names[0]}, compiled")
            memories.append(_warm(step, task.device))
    timings = alternate(steps, rounds, task.device)
    rows = [
        Row.of("train", name, timing, batch_size, timings[0].median / batch_size, ideal=ideal, memory=memory)
        for name, timing, memory in zip(names, timings, memories, strict=True)
    ]
    return Trained(rows, compiling, failure)


def default_batch(device: str) -> int:
    """Images in a step."""
    return 96 if device.startswith("cuda") else 16


def step_of(
    genotype: Any,
    task: Task,
    batch_size: int,
    compile: bool = False,
    observer: Callable[[Event], None] = lambda event: None,
) -> Callable[[], None]:
    """One step of `fast` on random images, as trainings take it; bfloat16 on a GPU, float32 on a CPU."""
    bfloat16 = task.device.startswith("cuda")
    form = layout(task.device, autocast=bfloat16)
    network = task.network(genotype).float().to(memory_format=form).train()
    recipe = replace(recipes["fast"], batch_size=batch_size, lr=LR)
    step = Step(network, recipe, task.device, bfloat16=bfloat16, compile=compile, observer=observer, group=Group())
    images = torch.rand(batch_size, *task.size.image, device=task.device).contiguous(memory_format=form)
    labels = torch.arange(batch_size, device=task.device) % task.size.classes

    def call() -> None:
        step(images, labels, adversary_steps=0)

    return call


def _warm(step: Callable[[], None], device: str) -> int | None:
    with Peak(device, lambda: [os.getpid()]) as peak:
        for _ in range(WARM_UP):
            step()
    return peak.bytes
