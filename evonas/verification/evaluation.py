"""Rebuilds evaluation.json from evaluation.db, and recomputes a sample of its entries."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evonas.core.events import Closed, Observer
from evonas.core.files import read_json
from evonas.core.shell import command
from evonas.core.signals import StopRequest
from evonas.evaluation.columns import columns_of, summarised
from evonas.evaluation.corrupted import REGENERATED
from evonas.evaluation.evaluate import columns_again, evaluate_subject, subject_for
from evonas.evaluation.journal import Journal, Json, as_stored, is_outdated
from evonas.evaluation.registered import attacks
from evonas.evaluation.result import Evaluation
from evonas.evaluation.retrained import Retrained, over
from evonas.evaluation.settings import EvaluateSettings
from evonas.evaluation.stored import read
from evonas.evaluation.target import Target, locate
from evonas.training import checkpoint
from evonas.training.data_identity import SplitIdentity
from evonas.training.retrainings import retrainings
from evonas.verification.finding import UNCHECKED, Finding, judged
from fitness import stable_hash
from spaces.errors import EvonasError, shown
from spaces.size import MAX_CIFAR_SIDE

PART = "evaluation"
BUDGET = 60.0  # time budget of the recomputed entries in seconds
ELSEWHERE = ("checkpoint", "dataset", "versions", "machine", "settings", "protocol.device")  # may differ here


class Audit:
    """Results of an evaluation from its journal, of which a sample is recomputed and compared."""

    def __init__(self, journal: Journal, sample: int, seed: int) -> None:
        self.path = journal.path
        self.journal, self.sample, self.seed, self.left = journal, sample, seed, BUDGET
        self.entries = journal.entries
        self.drawn: set[str] = set()
        self.wrong: list[str] = []

    def recall(self, key: str, name: str, compute: Callable[[], Json]) -> Json:
        """The recorded result, or the recomputed one of an entry of the sample."""
        recorded = self.journal.get(key)
        if recorded is None:
            raise EvonasError(
                f"{self.path} lacks entries of evaluation.json for these weights, images and versions"
            )
        if key in self.drawn or not self._draws(key):
            return recorded
        self.drawn.add(key)
        computed = as_stored(compute())
        if computed != recorded:
            self.wrong.append(f"{name}: {shown(computed)}, but {shown(recorded)} is recorded")
        return computed

    def seconds(self, key: str) -> float:
        """How long the recorded result took."""
        return self.journal.seconds(key)

    def _draws(self, key: str) -> bool:
        if not self.sample:
            return False
        seconds, chance = self.journal.seconds(key), self.sample / max(1, self.entries)
        if self.drawn and (stable_hash(self.seed, key) / 2**63 >= chance or seconds > self.left):
            return False
        self.left -= seconds
        return True


def measured(
    run: Path,
    sample: int,
    seed: int,
    device: str | None,
    data_dir: str | None,
    observer: Observer,
    dataset: str | None = None,
) -> list[Finding]:
    """The contents of an evaluation; empty if there is none."""
    place = locate(run)
    try:
        stored = read(place)
        if stored is None:
            return []
        if stored.settings is None:
            advice = f"it has no settings; add them from evaluation.db with: {command('evaluate', run)}"
            return [Finding(PART, place.result.name, UNCHECKED, advice)]
        settings = EvaluateSettings.from_dict(stored.settings, device, data_dir)
        settings = dataclasses.replace(settings, dataset=settings.dataset or dataset)
        return _again(place, stored, settings.resolve(), sample, seed, observer)
    except EvonasError as error:
        return [judged(PART, place.result.name, str(error), "")]


def _other_constants(place: Target, stored: Evaluation) -> str:
    """What is to be done about corruptions of an older version, which has others for photographs; empty if not."""
    side = checkpoint.header_of(place.checkpoint).settings.image_size or 0
    if stored.corruptions is None or stored.corruptions.source != REGENERATED or side <= MAX_CIFAR_SIDE:
        return ""
    return (
        f"its corruptions of images of {side} pixels have the constants of CIFAR-10-C, here those of ImageNet-C; "
        f"repeat it with: {command('evaluate', place.asked)}"
    )


def _again(
    place: Target, stored: Evaluation, settings: EvaluateSettings, sample: int, seed: int, observer: Observer
) -> list[Finding]:
    if not place.journal.is_file():
        raise EvonasError(f"{place.journal.name} is missing; recompute it with evonas evaluate")
    if is_outdated(place.journal):
        advice = f"it was written by an older version; convert it with: {command('evaluate', place.asked)}"
        return [Finding(PART, place.journal.name, UNCHECKED, advice)]
    for name, one in stored.headline.items():
        if name in attacks and one.version != attacks[name].version:
            versions = f"{name} has version {attacks[name].version} here, the evaluation used {one.version}"
            advice = f"repeat it with: {command('evaluate', place.asked)}"
            return [Finding(PART, place.result.name, UNCHECKED, f"{versions}; {advice}")]
    if advice := _other_constants(place, stored):
        return [Finding(PART, place.result.name, UNCHECKED, advice)]
    device = (stored.protocol.device or settings.device).partition(":")[0]
    there = {"device": device, "torch": stored.versions.get("torch", "")}  # which entries were stored under
    found = checkpoint.load(place.checkpoint)
    with Journal(place.journal, read_only=True) as journal:
        audit = Audit(journal, sample, seed)
        part = subject_for(found, settings, audit, observer, StopRequest(), there)
        _require_same(stored.test, SplitIdentity.from_json(part.facts["data"]["test"]), place)
        try:
            evaluation = part.complete(evaluate_subject(part.subject, settings, part.source, part.chosen))
            retrained = _retrained(place, stored, evaluation, settings, observer, there)
            again = dataclasses.replace(evaluation, retrained=retrained).as_json()
        finally:
            observer(Closed())
    for name in ("weights", "data"):  # missing in files of older versions
        if name not in stored.facts:
            del again[name]
    numbers, theirs = dict(_flat(read_json(place.result))), dict(_flat(again))
    names = sorted(name for name in numbers.keys() | theirs.keys() if numbers.get(name) != theirs.get(name))
    wrong = None
    if names:
        more = f", and {len(names) - 1} more" if len(names) > 1 else ""
        wrong = f"{names[0]} is {theirs.get(names[0])!r}, not {numbers.get(names[0])!r}{more}"
    return [
        judged(PART, place.result.name, wrong, f"{len(numbers)} numbers reproduced from {place.journal.name}"),
        judged(
            PART,
            place.journal.name,
            "; ".join(audit.wrong) or None,
            f"{len(audit.drawn)} of {audit.entries} entries recomputed",
        ),
    ]


def _retrained(
    place: Target,
    stored: Evaluation,
    first: Evaluation,
    settings: EvaluateSettings,
    observer: Observer,
    there: dict[str, str],
) -> Retrained | None:
    """The accuracies of the further trainings, from the journals of their evaluations."""
    found = stored.retrained
    if found is None:
        return None
    rows = [summarised(columns_of(first))]
    by_seed = {one.seed: one for one in retrainings(place.checkpoint.parent)}
    for seed in found.seeds[1:]:
        one = by_seed.get(seed)
        if one is None or not one.journal.is_file():
            raise EvonasError(f"the training with seed {seed} has no results; recompute them with evonas evaluate")
        with Journal(one.journal, read_only=True) as journal:
            recorded = Audit(journal, 0, 0)
            again = columns_again(one, settings, recorded, observer, StopRequest(), there)
            rows.append(summarised(again))
    return over(found.seeds, rows, found.planned, found.failed)


def _require_same(measured: SplitIdentity | None, here: SplitIdentity, place: Target) -> None:
    """Raises `EvonasError` if an evaluation measured on other images than are here, or in another order."""
    if measured is None or measured == here:
        return
    order = " in another order (files were renamed)" if measured.labels == here.labels else ""
    raise EvonasError(f"the images here are not those that {place.result.name} was measured on{order}")


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """All numbers by path, except those that depend on the machine."""
    if name in ELSEWHERE:
        return
    if isinstance(content, dict | list):
        entries = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in entries:
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, content
