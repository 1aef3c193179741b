"""How long trainings will take, from a few steps and images of the smallest, median and largest network."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from evonas.evaluation.corrupted import Corrupted, corrupted
from evonas.evaluation.corruptions import corruptions
from evonas.evaluation.evaluate import evaluate_subject
from evonas.evaluation.severities import SEVERITIES
from evonas.evaluation.subject import Subject
from evonas.tabulating.job import Job
from evonas.tabulating.trainer import Trainer, one_thread
from evonas.training.images import Images
from evonas.training.probe import MAX_IMAGES, Probe, aside, interpolated, timed

SECONDS = 2.0  # that one part of a probe should take at most
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
        tested = _tested(trainer, probe, step / batch)
    return training + tested


def _tested(trainer: Trainer, probe: Probe, each: float) -> float:
    """The time of an evaluation; ``each`` is that of an image in a training step."""
    settings, testing = trainer.evaluation, trainer.data.measured.images
    count = min(settings.images or len(testing), len(testing))
    few = min(count, settings.batch_size, MAX_IMAGES)
    plain = dataclasses.replace(settings, corruptions=False)

    def subject(images: int) -> Subject:
        return Subject(
            probe.training.model if probe.trained is None else probe.trained,
            testing.images[:images],
            testing.labels[:images],
            device=settings.device,
            batch_size=settings.batch_size,
            seed=settings.seed,
        )

    def attacked(images: int) -> float:
        part = subject(images)
        part = dataclasses.replace(part, labels=_foreseen(part, probe))
        return timed(lambda: evaluate_subject(part, plain), settings.device)

    seconds = _of_all(count, max(1, min(few, int(SECONDS / (PASSES * each)))), attacked)
    if not settings.corruptions:
        return seconds
    where = trainer.training.dataset, trainer.training.data_dir
    source = corrupted(*where, testing.labels, settings.seed, testing.side)
    forward = _of_all(count, few, lambda images: timed(subject(images).clean, settings.device))
    made = _of_all(count, few, lambda images: _corrupting(source, testing, images))
    return seconds + len(SEVERITIES) * (len(corruptions) * forward + made)


def _of_all(count: int, few: int, seconds: Callable[[int], float]) -> float:
    """``seconds`` of all images, tried with a few and then with as many as `SECONDS` allow, in larger batches."""
    taken = seconds(few)
    more = min(count, int(few * SECONDS / max(taken, 1e-9)))
    return taken * count / few if more < few else seconds(more) * count / more


def _foreseen(subject: Subject, probe: Probe) -> Tensor:
    """Labels int64 (N,) with which so many images are right, and attacked, as at the end of the training.

    Of those that are wrong after the epochs that were tried, every second is right after more of them; all are
    after a training of which only steps were tried.
    """
    predicted = subject.predicted.clamp(min=0)  # -1 is none
    if probe.trained is None:
        return predicted
    if probe.epochs == probe.training.recipe.epochs:
        return subject.labels
    return torch.where(torch.arange(len(predicted)) % 2 == 0, predicted, subject.labels)


def _corrupting(source: Corrupted, testing: Images, few: int) -> float:
    """The time that all corruptions of a few images take at one severity."""
    places = torch.arange(few)
    started = time.perf_counter()
    for name in corruptions:
        source.images(name, SEVERITY, places, testing.images[:few])
    return time.perf_counter() - started
