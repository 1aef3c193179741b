"""Evaluates a trained network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evonas.core.displaced import named
from evonas.core.events import Closed, Message, Observer, Warned, announcing
from evonas.core.files import write_json
from evonas.core.locks import held
from evonas.core.memory_errors import memory_reported
from evonas.core.provenance import machine, versions
from evonas.core.quantities import number
from evonas.core.signals import REPEAT, StopRequest, resumable, stop_requests
from evonas.evaluation import per_image
from evonas.evaluation.assessment import Assessment
from evonas.evaluation.attacking import AttackAt
from evonas.evaluation.attacks.pgd import PGD
from evonas.evaluation.certificates import smoothing_file
from evonas.evaluation.certificates.consistency import require_unbroken
from evonas.evaluation.certificates.smoothed import Timed
from evonas.evaluation.checks import Checks
from evonas.evaluation.columns import columns_of, summarised
from evonas.evaluation.corrupted import Corrupted, Corruptions, Regenerated, corrupted
from evonas.evaluation.events import EvaluationDone
from evonas.evaluation.journal import Journal, Recorded
from evonas.evaluation.outcomes import ACCURACY
from evonas.evaluation.result import Evaluation, Protocol
from evonas.evaluation.retrained import Retrained, over
from evonas.evaluation.settings import EvaluateSettings
from evonas.evaluation.subject import Subject
from evonas.evaluation.target import BEST, Target, draw, locate
from evonas.training import checkpoint
from evonas.training.data_check import remark, unchecked
from evonas.training.held_out import Measured, images_for
from evonas.training.retrainings import Retraining, retrainings
from fitness.layout import layout

_AGAIN = "finished work is saved. Free disk space and repeat the command"
_LESS = "finished work is saved. Free memory or use a smaller --batch-size, and repeat the command"


@dataclass(frozen=True)
class Prepared:
    """A trained network with the test images and corrupted images that it is evaluated on."""

    subject: Subject
    source: Corrupted | None
    chosen: Tensor  # int64, positions of the images in the test set
    facts: dict[str, Any]
    of: int  # images of the test set

    def complete(self, evaluation: Evaluation) -> Evaluation:
        """Add the facts of the network."""
        protocol = dataclasses.replace(evaluation.protocol, split="test", of=self.of)
        return dataclasses.replace(evaluation, facts=self.facts, protocol=protocol)


def evaluate(
    target: Path, settings: EvaluateSettings, observer: Observer, images: Path | None = None
) -> Evaluation:
    """Evaluate the network at ``target`` with ``settings``; the result is saved next to it as JSON.

    The file ``images`` receives a row for each image, see `evonas.evaluation.per_image`. Raises `UsageError` for
    invalid settings, `EvonasError` for a checkpoint that is damaged or does not fit the data set, `Interrupted`
    after SIGINT or SIGTERM; repeat the call to continue.
    """
    settings = settings.resolve()
    if images is not None:
        per_image.require_file(images)
    place = locate(target)
    found = checkpoint.load(place.checkpoint)
    for text in settings.doubts:
        observer(Warned(text))
    if found.data is None:
        observer(Warned(unchecked(str(found.path))))
    with (
        resumable(REPEAT),
        held(place.result.parent, place.result.stem, leave_nothing=not place.is_run),
        Journal(place.journal) as journal,
        stop_requests(announcing(observer)) as stop,
        memory_reported(f"evaluating {target}", _LESS),
    ):
        if journal.dropped:
            observer(
                Message(
                    f"{place.journal.name} was written by an older version: its attacks are used, its results of "
                    "corruptions are recomputed"
                )
            )
        part = subject_for(found, settings, journal, observer, stop)
        part.subject.keeps_predictions = images is not None
        if found.data is not None and (text := remark(part.facts["data"])):
            observer(Warned(text))
        try:
            evaluation = evaluate_subject(part.subject, settings, part.source, part.chosen)
            evaluation = dataclasses.replace(part.complete(evaluation), path=place.result)
            retrained = again(place, found.settings.seed, evaluation, settings, observer, stop)
            evaluation = dataclasses.replace(evaluation, retrained=retrained)
            write_json(place.result, evaluation.as_json(), _AGAIN)
            observer(EvaluationDone(place.result, summarised(columns_of(evaluation)), settings.as_dict()))
        finally:
            observer(Closed())
        if images is not None:
            per_image.write(images, per_image.images(evaluation, part.subject, part.chosen))
        for name, smoothed in evaluation.smoothed.items():
            timed = evaluation.assessments[name]
            assert isinstance(timed, Timed)
            path = smoothing_file.path_for(Path(settings.smoothing_file or place.smoothing), name)
            smoothing_file.write(path, smoothed, part.chosen.tolist(), timed.seconds, _AGAIN)
    return evaluation


def again(
    place: Target, seed: int, first: Evaluation, settings: EvaluateSettings, observer: Observer, stop: StopRequest
) -> Retrained | None:
    """The further trainings next to that of ``place``, evaluated like the ``first``; None if none is planned.

    Those that failed or are not finished are counted.
    """
    planned = retrainings(place.checkpoint.parent) if place.checkpoint.name == BEST.name else []
    if not planned:
        return None
    finished = [one for one in planned if one.finished and not one.reason]
    rows = [summarised(columns_of(first))]
    for one in finished:
        observer(Message(f"evaluating the training with seed {one.seed}"))
        with Journal(one.journal) as journal:
            rows.append(summarised(columns_again(one, settings, journal, observer, stop)))
    failed = {one.seed: one.reason for one in planned if one.reason}
    return over((seed, *(one.seed for one in finished)), rows, 1 + len(planned), failed)


def columns_again(
    one: Retraining,
    settings: EvaluateSettings,
    journal: Recorded,
    observer: Observer,
    stop: StopRequest,
    environment: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """The accuracies of a further training by column, without checks, certificates and other assessments."""
    chosen = dataclasses.replace(settings, checks=0, assess=(), certify=())
    part = subject_for(checkpoint.load(one.checkpoint), chosen, journal, observer, stop, environment)
    return columns_of(evaluate_subject(part.subject, chosen, part.source, part.chosen))


def subject_for(
    found: checkpoint.Checkpoint,
    settings: EvaluateSettings,
    journal: Recorded,
    observer: Observer,
    stop: StopRequest,
    environment: Mapping[str, str] | None = None,
    measured: Measured | None = None,
) -> Prepared:
    """The network of a checkpoint and the images selected by resolved ``settings``.

    ``environment`` is the one under which results were kept, if it differs from the present one. ``measured`` are
    the test images if they are already read and compared with those of the training.
    """
    model = found.model(settings.device).to(memory_format=layout(settings.device))
    dataset = settings.dataset or found.settings.dataset
    if measured is None:
        measured = images_for(found, settings.data_dir, dataset, settings.other_data)
    everything, data = measured
    chosen = draw(settings.images, len(everything), settings.seed)
    whole = len(chosen) == len(everything)
    facts = _facts(found) | {"dataset": dataset, "data": data.as_json()}
    facts |= {"settings": settings.as_dict(), "machine": machine(settings.device)}
    source = None
    if settings.corruptions:
        data_dir = settings.data_dir or found.settings.data_dir
        source = corrupted(dataset, data_dir, everything.labels, settings.seed, everything.side)
    subject = Subject(
        model,
        everything.images if whole else everything.images[chosen],  # mapped images stay where they are
        everything.labels[chosen],
        identity=f"{facts['genotype']} {facts['channels']} {facts['layers']}",
        device=settings.device,
        batch_size=settings.batch_size,
        seed=settings.seed,
        journal=journal,
        observer=observer,
        stop=stop,
        environment=environment or {},
    )
    facts["weights"] = subject.weights
    return Prepared(subject, source, chosen, facts, len(everything))


def evaluate_subject(
    subject: Subject, settings: EvaluateSettings, source: Corrupted | None = None, chosen: Tensor | None = None
) -> Evaluation:
    """Clean accuracy, every assessment that ``settings`` name, and checks, of any model from images to logits.

    Corrupted images are those of ``source`` at ``chosen``, int64 (N,); by default they are generated.
    """
    places = torch.arange(len(subject.images)) if chosen is None else chosen
    chosen_assessments = _assessments(
        settings, source or Regenerated(settings.seed, subject.images.shape[-1]), places
    )
    for assessment in chosen_assessments:
        assessment.require(subject)
    evaluation = Evaluation(
        clean=subject.rate(subject.right),
        epsilons=settings.epsilons,
        attacks={name: {} for name in settings.chosen()},
        protocol=_protocol(subject, settings),
        versions=_versions(chosen_assessments),
    )
    outcomes = []
    for assessment in chosen_assessments:
        outcome = assessment.run(subject)
        evaluation = evaluation.including(assessment.key, assessment.identity(), outcome)
        outcomes.append(outcome)
        require_unbroken(evaluation.certified, outcomes)
        for label, rate in outcome.rates.items():
            what = assessment.title if label == ACCURACY else f"{assessment.title} {label}"
            subject.say(f"{what}: {100 * rate.accuracy:.2f} % of {rate.n} images")
        for label, value in outcome.scalars.items():
            subject.say(f"{assessment.title} {label}: {number(value)}")
    for note in evaluation.notes:
        subject.say(note)
    if settings.checks:
        checks = Checks(settings.checks, settings.epsilons[0], PGD(settings.steps, settings.step_size), outcomes)
        evaluation = evaluation.including(checks.name, checks.identity(), checks.run(subject))
    return evaluation


def _assessments(settings: EvaluateSettings, source: Corrupted, places: Tensor) -> list[Assessment]:
    """In the order in which they run."""
    attacks = settings.chosen().values()
    found: list[Assessment] = [AttackAt(attack, size) for attack in attacks for size in settings.epsilons]
    found += [Corruptions(source, places)] if settings.corruptions else []
    return found + settings.certificates() + settings.others()


def _facts(found: checkpoint.Checkpoint) -> dict[str, Any]:
    trained = found.settings
    return {
        "checkpoint": named(str(found.path)),
        "genotype": found.genotype,
        "dataset": trained.dataset,
        "channels": trained.channels,
        "layers": trained.layers,
        "recipe": trained.recipe,
        "epoch": found.epoch,
    }


def _protocol(subject: Subject, settings: EvaluateSettings) -> Protocol:
    return Protocol(
        images=len(subject.images),
        norm="L-infinity",
        pixels="[0, 1]; normalisation is the model's first layer",
        precision="float32, no autocast, no TF32",
        attacked="images that the parts before have left correctly classified",
        seed=settings.seed,
        batch_size=settings.batch_size,
        device=settings.device,
        checks=min(settings.checks, len(subject.images)),
    )


def _versions(chosen: Sequence[Assessment]) -> dict[str, str]:
    found = versions()
    del found["deap"]
    for assessment in chosen:
        found |= assessment.versions()
    return found
