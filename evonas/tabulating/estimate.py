"""How long trainings will take, from a few steps and images of the smallest, median and largest network."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence

import torch

from evonas.evaluation.corrupted import Corrupted, corrupted
from evonas.evaluation.corruptions import corruptions
from evonas.evaluation.evaluate import evaluate_subject
from evonas.evaluation.severities import SEVERITIES
from evonas.evaluation.subject import Subject
from evonas.tabulating.job import Job
from evonas.tabulating.trainer import Trainer, one_thread
from evonas.training.images import Images
from evonas.training.probe import MAX_IMAGES, Probe, aside, interpolated, timed
from evonas.training.training import Training

SECONDS = 4.0  # that the attacks of a probe should take at most
PASSES = 60.0  # of an image, forward and backward, in usual attacks
SEVERITY = 3  # whose corruption is timed for all


def estimate(trainer: Trainer, jobs: Sequence[Job], flops: Mapping[str, int]) -> dict[Job, float] | None:
    """Seconds of each of ``jobs``, linear in FLOPs between three networks; None if none of them can be tried."""
    first = {job.genotype: job for job in reversed(jobs)}
    sizes = {genotype: flops[genotype] for genotype in first}
    with one_thread(trainer.training.device):
        found = interpolated(sizes, lambda genotype: _seconds(trainer, first[genotype]))
    return None if found is None else {job: found[job.genotype] for job in jobs}


def _seconds(trainer: Trainer, job: Job) -> float:
    """The time of one training with its evaluation."""
    probe = Probe(trainer.settings(job), trainer.data.training)
    batch = probe.training.recipe.batch_size
    assert batch is not None
    with aside(trainer.training.device):
        step = probe.step()
        training = probe.whole(step)
        tested = _tested(trainer, probe.training, step / batch)
    return training + tested


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
    forward = timed(subject.clean, settings.device) / few
    attacked = max(1, min(few, int(SECONDS / (PASSES * each))))
    right = subject.logits(subject.load(torch.arange(few))[0]).argmax(1)
    part = dataclasses.replace(subject, images=subject.images[:attacked], labels=right[:attacked])
    plain = dataclasses.replace(settings, corruptions=False)
    seconds = timed(lambda: evaluate_subject(part, plain), settings.device) * count / attacked
    if not settings.corruptions:
        return seconds
    where = trainer.training.dataset, trainer.training.data_dir
    source = corrupted(*where, testing.labels, settings.seed, testing.side)
    return seconds + len(SEVERITIES) * count * (len(corruptions) * forward + _corrupting(source, testing, few))


def _corrupting(source: Corrupted, testing: Images, few: int) -> float:
    """The time that all corruptions of an image take at one severity."""
    places = torch.arange(few)
    started = time.perf_counter()
    for name in corruptions:
        source.images(name, SEVERITY, places, testing.images[:few])
    return (time.perf_counter() - started) / few
