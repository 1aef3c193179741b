"""How long trainings will take, from a few steps and images of the smallest, median and largest network."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch

from evonas.core.events import Listener
from evonas.core.signals import Interrupted
from evonas.evaluation.corrupted import Corrupted, corrupted
from evonas.evaluation.corruptions import corruptions
from evonas.evaluation.evaluate import evaluate_subject
from evonas.evaluation.severities import SEVERITIES
from evonas.evaluation.subject import Subject
from evonas.tabulating.job import Job
from evonas.tabulating.trainer import Trainer, one_thread
from evonas.training.augment import augment, draw
from evonas.training.images import Images
from evonas.training.parallel import Group
from evonas.training.training import Training

NOWHERE = Path("/nonexistent")  # of a training that is never run
STEPS = 3
MAX_IMAGES = 64  # of a probe
SECONDS = 4.0  # that the attacks of a probe should take at most
PASSES = 60.0  # of an image, forward and backward, in usual attacks
SEVERITY = 3  # whose corruption is timed for all


def estimate(trainer: Trainer, jobs: Sequence[Job], flops: Mapping[str, int]) -> dict[Job, float] | None:
    """Seconds of each of ``jobs``, linear in FLOPs between three networks; None if none of them can be tried."""
    order = sorted({job.genotype: job for job in jobs}.values(), key=lambda job: flops[job.genotype])
    points: dict[int, float] = {}
    with one_thread(trainer.training.device):
        for job in {order[0], order[len(order) // 2], order[-1]}:
            try:
                points[flops[job.genotype]] = _seconds(trainer, job)
            except (Interrupted, OSError):
                raise
            except Exception:  # its training will say why
                continue
    if not points:
        return None
    known = sorted(points)
    seconds = np.interp([flops[job.genotype] for job in jobs], known, [points[size] for size in known])
    return dict(zip(jobs, seconds.tolist(), strict=True))


def _seconds(trainer: Trainer, job: Job) -> float:
    """The time of one training with its evaluation."""
    data, device = trainer.data, trainer.training.device
    training = Training(NOWHERE, trainer.settings(job), Listener(), Group(), data.training)
    recipe, count = training.recipe, len(training.held_out)
    assert recipe.batch_size is not None
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        step = _step(training, recipe.batch_size)
        few = min(count, MAX_IMAGES)
        training.held_out = Images(training.held_out.images[:few], training.held_out.labels[:few])
        validation = _timed(training.measure, device) * count / few
    tested = _tested(trainer, training, step / recipe.batch_size)
    return recipe.epochs * (training.steps * step + validation) + tested


def _step(training: Training, batch: int) -> float:
    recipe, device = training.recipe, training.settings.device
    here = slice(0, batch)
    draws = draw(batch, training.images.images.shape[-1], recipe, torch.Generator().manual_seed(0), device)
    sums = torch.zeros(2, dtype=torch.float64, device=device)

    def step() -> None:
        pixels = augment(training.images.images[here], draws.at(here), recipe, training.model.mean)
        training.step(pixels, training.images.labels[here], sums)

    training.model.train()
    step()  # the first one is slower
    return median(_timed(step, device) for _ in range(STEPS))


def _tested(trainer: Trainer, training: Training, each: float) -> float:
    """The time of an evaluation; ``each`` is that of an image in a training step.

    Every image counts as correctly classified, as attacks skip the others.
    """
    settings, testing = trainer.evaluation, trainer.data.measured.images
    count = settings.images or len(testing)
    few = min(count, MAX_IMAGES)
    subject = Subject(
        training.model,
        testing.images[:few],
        testing.labels[:few],
        device=settings.device,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    forward = _timed(subject.clean, settings.device) / few
    attacked = max(1, min(few, int(SECONDS / (PASSES * each))))
    right = subject.logits(subject.load(torch.arange(few))[0]).argmax(1)
    part = dataclasses.replace(subject, images=subject.images[:attacked], labels=right[:attacked])
    plain = dataclasses.replace(settings, corruptions=False)
    seconds = _timed(lambda: evaluate_subject(part, plain), settings.device) * count / attacked
    if not settings.corruptions:
        return seconds
    source = corrupted(trainer.training.dataset, trainer.training.data_dir, testing.labels, settings.seed)
    return seconds + len(SEVERITIES) * count * (len(corruptions) * forward + _corrupting(source, testing, few))


def _corrupting(source: Corrupted, testing: Images, few: int) -> float:
    """The time that all corruptions of an image take at one severity."""
    places = torch.arange(few)
    started = time.perf_counter()
    for name in corruptions:
        source.images(name, SEVERITY, places, testing.images[:few])
    return (time.perf_counter() - started) / few


def _timed(work: Callable[[], object], device: str) -> float:
    started = time.perf_counter()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
