"""The contract of an assessment."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import torch
from torch import nn

from evonas.core.events import Event, Observer
from evonas.evaluation.assessment import Assessment, Outcome, Subject
from evonas.evaluation.events import ImagesMeasured
from evonas.evaluation.journal import Journal
from evonas.evaluation.registered import assessments
from evonas.testing.properties import Picture, global_generators, require

IMAGES = 14
CHUNK = 6


class Crash(Exception):
    """The end of a process, as it were."""


def _model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # layers initialise themselves from the global generator
        layers = (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        model = nn.Sequential(*layers, nn.Linear(4, 10))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model.eval()


def _subject(model: nn.Module, journal: Journal | None = None, observer: Observer | None = None) -> Subject:
    pixels = torch.randint(256, (IMAGES, 3, 8, 8), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    subject = Subject(model, pixels, torch.arange(IMAGES) % 10, batch_size=CHUNK, journal=journal or Journal())
    subject.observer = subject.observer if observer is None else observer
    return subject


def _run(assessment: Assessment, subject: Subject) -> Outcome:
    assessment.require(subject)
    return assessment.run(subject)


def it_describes_itself(assessment: Assessment) -> None:
    require(assessment.name and assessment.title, f"{type(assessment).__name__} has no name or title")
    identity = dict(assessment.identity())
    require(json.loads(json.dumps(identity)) == identity, f"{assessment.name!r}: {identity} does not survive JSON")


def its_outcome_survives_the_file(assessment: Assessment) -> None:
    outcome = _run(assessment, _subject(_model()))
    again = Outcome.from_json(json.loads(json.dumps(outcome.as_json())))
    require(again.as_json() == outcome.as_json(), f"the outcome of {assessment.name!r} is read back differently")
    require(outcome.rates or outcome.numbers, f"the outcome of {assessment.name!r} has neither rates nor numbers")
    for label, rate in outcome.rates.items():
        require(0 < rate.n <= IMAGES, f"{assessment.name!r} {label!r} is of {rate.n} images, of {IMAGES}")


def outcomes_depend_on_the_subject_alone(assessment: Assessment) -> None:
    found = []
    for seed in (1, 2):
        with global_generators(seed, f"assessment {assessment.name!r}"):
            found.append(_run(assessment, _subject(_model())).as_json())
    require(found[0] == found[1], f"assessment {assessment.name!r} depends on a global random seed")


def the_model_is_left_as_it_was(assessment: Assessment) -> None:
    for training in (False, True):
        model = _model().train(training)
        picture = Picture(model)
        _run(assessment, _subject(model))
        picture.require_of(model, f"assessment {assessment.name!r}")


def crashed_after_any_chunk_it_ends_the_same(assessment: Assessment) -> None:
    """With the journal of the crashed evaluation, which keeps the chunks that were finished."""
    heard: list[Event] = []
    whole = _run(assessment, _subject(_model(), observer=heard.append)).as_json()
    chunks = sum(isinstance(event, ImagesMeasured) for event in heard)
    require(chunks, f"assessment {assessment.name!r} does not go through the images with Subject.each")
    for crash in range(chunks):
        journal, seen = Journal(), iter(range(chunks))

        def observe(event: Event, crash: int = crash, seen: object = seen) -> None:
            if isinstance(event, ImagesMeasured) and next(seen) == crash:  # type: ignore[call-overload]
                raise Crash

        with suppress(Crash):
            _run(assessment, _subject(_model(), journal, observe))
        resumed = _run(assessment, _subject(_model(), journal)).as_json()
        require(
            resumed == whole,
            f"assessment {assessment.name!r} resumed after chunk {crash} differs from a whole one",
        )


PROPERTIES: tuple[Callable[[Assessment], None], ...] = (
    it_describes_itself,
    its_outcome_survives_the_file,
    outcomes_depend_on_the_subject_alone,
    the_model_is_left_as_it_was,
    crashed_after_any_chunk_it_ends_the_same,
)


def check_assessment(assessment: Assessment | str) -> None:
    """Raises `AssertionError` unless ``assessment``, with its settings or a registered name, keeps its contract.

    See `PROPERTIES` in this file for what is checked.
    """
    subject = assessments[assessment]() if isinstance(assessment, str) else assessment
    for holds in PROPERTIES:
        holds(subject)
