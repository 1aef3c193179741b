"""Rebuilds evaluation.json from evaluation.db, and recomputes a sample of its entries."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from evonas.core.events import Closed, Observer
from evonas.core.files import read_json
from evonas.core.shell import command
from evonas.core.signals import StopRequest
from evonas.evaluation.evaluate import evaluate_subject, subject_for
from evonas.evaluation.journal import Journal
from evonas.evaluation.result import Evaluation
from evonas.evaluation.settings import EvaluateSettings
from evonas.evaluation.stored import read
from evonas.evaluation.target import Target, locate
from evonas.training import checkpoint
from evonas.training.data_identity import SplitIdentity
from evonas.verification.finding import UNCHECKED, Finding, judged
from fitness import stable_hash
from spaces.errors import EvonasError

PART = "evaluation"
BUDGET = 60.0  # time budget of the recomputed entries in seconds
ELSEWHERE = ("checkpoint", "dataset", "versions", "machine", "settings", "protocol.device")  # may differ here


class Sampled(Journal):
    """A journal in which sampled entries are recomputed and compared."""

    def __init__(self, path: Path, sample: int, seed: int) -> None:
        if not path.is_file():
            raise EvonasError(f"{path.name} is missing; recompute it with evonas evaluate")
        self.path = path
        with self._reported():
            self._db = sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, isolation_level=None)
            (self.entries,) = self._db.execute("SELECT count(*) FROM outcomes").fetchone()
        self.sample, self.seed, self.left = sample, seed, BUDGET
        self.drawn: dict[str, list[int]] = {}
        self.wrong: list[str] = []

    def get(self, key: str) -> list[int] | None:
        found = super().get(key)
        if found is None:
            raise EvonasError(f"{self.path} lacks entries of evaluation.json for these weights and images")
        if key not in self.drawn and self._draws(key):
            self.drawn[key] = found
            return None
        return found

    def _draws(self, key: str) -> bool:
        with self._reported():
            (seconds,) = self._db.execute("SELECT seconds FROM outcomes WHERE key = ?", (key,)).fetchone()
        chance = self.sample / max(1, self.entries)
        if self.drawn and (stable_hash(self.seed, key) / 2**63 >= chance or seconds > self.left):
            return False
        self.left -= seconds
        return True

    def put(self, key: str, attack: str, epsilon: float, left: Sequence[int], seconds: float) -> None:
        """Compares the entry; nothing is written."""
        if list(left) != self.drawn[key]:
            what = f"{attack} at {epsilon:g}/255" if epsilon else attack
            self.wrong.append(f"{what}: {len(left)} images still correct, {len(self.drawn[key])} recorded")


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


def _again(
    place: Target, stored: Evaluation, settings: EvaluateSettings, sample: int, seed: int, observer: Observer
) -> list[Finding]:
    found = checkpoint.load(place.checkpoint)
    with closing(Sampled(place.journal, sample, seed)) as journal:
        part = subject_for(found, settings, journal, observer, StopRequest())
        _require_same(stored.test, SplitIdentity.from_json(part.facts["data"]["test"]), place)
        # the settings that entries were stored under
        part.subject.context["torch"] = stored.versions.get("torch")
        part.subject.context["device"] = (stored.protocol.device or "cpu").partition(":")[0]
        try:
            again = part.complete(evaluate_subject(part.subject, settings, part.source, part.chosen)).as_json()
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
            "; ".join(journal.wrong) or None,
            f"{len(journal.drawn)} of {journal.entries} entries recomputed",
        ),
    ]


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
