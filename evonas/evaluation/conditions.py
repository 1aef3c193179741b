"""The conditions of an evaluation: only accuracies under equal conditions can be ranked."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from evonas.evaluation.result import Evaluation
from evonas.training.data_check import OTHER
from evonas.training.settings import TrainSettings


@dataclass(frozen=True)
class Conditions:
    """The test images of an evaluation and the attacks on them; None for unknown values."""

    dataset: str
    classes: int | None = None
    image_size: int | None = None  # pixels
    images: int | None = None  # evaluated test images
    test_set: int | None = None  # images in it
    drawn_by: int | None = None  # seed that selected the images; None: all
    epsilons: tuple[float, ...] = ()  # in 1/255; the first is that of the columns
    attacks: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()  # of attacks whose results have changed since version 1
    steps: int | None = None  # of pgd
    step_size: float | None = None  # of pgd at the first epsilon, in 1/255
    restarts: int | None = None  # of pgd
    corruptions: str | None = None  # source of the corrupted images
    assessments: tuple[str, ...] = ()  # others, each with its settings as JSON
    data: str | None = None  # start of the digest of test images; None if the name of the data set suffices

    @property
    def in_words(self) -> str:
        """One line."""
        words = [self.dataset]
        words += [] if self.classes is None else [f"{self.classes} classes"]
        words += [] if self.image_size is None else [f"{self.image_size} pixels"]
        words += [] if self.images is None else [self._images()]
        words += [] if self.data is None else [f"data {self.data}"]
        words += [f"epsilon {', '.join(f'{size:g}/255' for size in self.epsilons)}"] if self.epsilons else []
        words += [f"attacks {', '.join(self.attacks)}"] if self.attacks else []
        if self.steps is not None:
            size = "" if self.step_size is None else f" of {self.step_size:g}/255"
            restarts = "" if (self.restarts or 1) == 1 else f", {self.restarts} restarts"
            words.append(f"{self.steps} steps{size}{restarts}")
        words += self.assessments
        return ", ".join([*words, *([] if self.corruptions is None else [f"corruptions {self.corruptions}"])])

    def _images(self) -> str:
        if self.test_set in (None, self.images):
            return f"{self.images} test images"
        return f"{self.images} of {self.test_set} test images (seed {self.drawn_by})"

    def differences(self, other: Conditions) -> list[str]:
        """``steps 5, not 20`` for each difference to ``other``."""
        return [
            f"{field.name.replace('_', ' ')} {_text(mine)}, not {_text(theirs)}"
            for field in fields(self)
            if (mine := getattr(self, field.name)) != (theirs := getattr(other, field.name))
        ]


def conditions_of(found: Evaluation, trained: TrainSettings) -> Conditions:
    """The conditions of an evaluation."""
    protocol, n = found.protocol, found.clean.n
    pgd = found.headline.get("pgd")
    return Conditions(
        dataset=dataset_of(found, trained),
        classes=trained.classes,
        image_size=trained.image_size,
        images=n,
        test_set=protocol.of,
        drawn_by=None if protocol.of in (None, n) else protocol.seed,
        epsilons=found.epsilons,
        attacks=tuple(found.attacks),
        versions=tuple(f"{name} {one.version}" for name, one in found.headline.items() if one.version > 1),
        steps=None if pgd is None else pgd.steps,
        step_size=None if pgd is None else pgd.step_size,
        restarts=None if pgd is None else pgd.restarts,
        corruptions=None if found.corruptions is None else found.corruptions.source,
        assessments=tuple(
            f"{name} {json.dumps(outcome.identity, sort_keys=True)}" for name, outcome in found.assessments.items()
        ),
        data=_data(found, trained),
    )


def dataset_of(found: Evaluation, trained: TrainSettings) -> str:
    """The data set that was evaluated on."""
    return found.dataset or trained.dataset


def _data(found: Evaluation, trained: TrainSettings) -> str | None:
    """None for a bundled or downloaded data set, whose name says enough, and for results of older versions."""
    if found.data is None or found.test is None:
        return None
    if not dataset_of(found, trained).startswith("folder:") and found.data["status"] != OTHER:
        return None
    return found.test.in_short


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(_text(one) for one in value) or "none"
    return f"{value:g}" if isinstance(value, float) else "unknown" if value is None else str(value)
