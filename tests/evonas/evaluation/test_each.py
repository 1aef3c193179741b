"""`Subject.each`: chunks, journal, progress, stop and resume of any assessment."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from evonas import EvonasError
from evonas.core.digests import digest, tensors_digest
from evonas.core.events import Listener
from evonas.core.signals import Interrupted, StopRequest
from evonas.evaluation.attacking import left_by
from evonas.evaluation.attacks.fgsm import FGSM
from evonas.evaluation.events import ImagesMeasured
from evonas.evaluation.journal import FORMAT, Journal, is_outdated
from evonas.evaluation.subject import Subject
from tests.evonas.networks import digits, trained

COUNT, CHUNK = 10, 4


class Heard(Listener):
    """Remembers progress, and asks to stop after so many chunks."""

    def __init__(self, stop: StopRequest | None = None, after: int = 0) -> None:
        self.progress: list[tuple[str, int, int]] = []
        self.stop, self.after = stop or StopRequest(), after

    def measuring(self, event: ImagesMeasured) -> None:
        self.progress.append((event.what, event.done, event.total))
        self.stop.requested = len(self.progress) == self.after


def subject(**options: Any) -> Subject:
    images, labels = digits("test")
    return Subject(trained(), images[:COUNT], labels[:COUNT], batch_size=CHUNK, **options)


class Work:
    """A result of a chunk that is neither indices nor flat, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, indices: Tensor) -> Any:
        self.asked.append(indices.tolist())
        return {"radii": [index / 3 for index in indices.tolist()], "sum": int(indices.sum()), "pair": (1, None)}


def test_each_goes_through_the_chunks_and_tells_how_far_it_is() -> None:
    heard, work = Heard(), Work()
    found = subject(observer=heard, title="x: ").each(["a"], work, "a", part=(1, 3))
    assert work.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [one["sum"] for one in found] == [6, 22, 17]
    assert heard.progress == [("x: a", 14, 30), ("x: a", 18, 30), ("x: a", 20, 30)]


def test_only_the_images_that_are_asked_for_are_worked_on() -> None:
    work, among = Work(), torch.zeros(COUNT, dtype=torch.bool)
    among[[1, 3, 9]] = True
    subject().each(["a"], work, "a", among)
    assert work.asked == [[1, 3], [9]]


def test_a_kept_result_equals_a_computed_one(tmp_path: Path) -> None:
    first, second = Work(), Work()
    with Journal(tmp_path / "a.db") as journal:
        computed = subject(journal=journal).each(["a", 1], first, "a")
        kept = subject(journal=journal).each(["a", 1], second, "a")
    assert computed == kept == subject().each(None, Work(), "a") and not second.asked
    assert computed[0]["pair"] == [1, None]  # as JSON has it, also where it was not read back


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"identity": "b"}, {"environment": {"device": "cpu", "torch": "0"}}],
    ids=lambda other: next(iter(other)),
)
def test_a_result_of_another_subject_or_key_is_not_used(other: dict[str, Any], tmp_path: Path) -> None:
    with Journal(tmp_path / "a.db") as journal:
        subject(journal=journal).each(["a"], Work(), "a")
        work = Work()
        subject(journal=journal, **other).each(["a"], work, "a")
        subject(journal=journal).each(["b"], work, "a")
    assert len(work.asked) == 6


@pytest.mark.parametrize("after", [1, 2, 3])
def test_stopped_and_repeated_equals_never_stopped(after: int, tmp_path: Path) -> None:
    first, second, stop = Work(), Work(), StopRequest()
    with Journal(tmp_path / "a.db") as journal, pytest.raises(Interrupted, match=r"a\.db"):
        subject(journal=journal, stop=stop, observer=Heard(stop, after)).each(["a"], first, "a")
    with Journal(tmp_path / "a.db") as journal:
        found = subject(journal=journal).each(["a"], second, "a")
    assert found == subject().each(["a"], Work(), "a")
    assert first.asked + second.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] and len(first.asked) == after


@pytest.mark.parametrize("payload", ["{}", "[-1]", "[99]", "[0.5]", "[true]", "3", "[3]", "{"])
def test_an_entry_that_holds_something_else_is_one_message(payload: str, tmp_path: Path) -> None:
    """Image 3 is not one of those that are attacked."""
    right = torch.zeros(COUNT, dtype=torch.bool)
    right[:3] = True
    with Journal(tmp_path / "a.db") as journal:
        left_by(subject(journal=journal), FGSM(), 8.0, right)
    with closing(sqlite3.connect(tmp_path / "a.db")) as db, db:
        db.execute("UPDATE outcomes SET payload = ?", (payload,))
    with Journal(tmp_path / "a.db") as journal, pytest.raises(EvonasError, match=r"a\.db.*remove it"):
        left_by(subject(journal=journal), FGSM(), 8.0, right)


def test_what_json_cannot_hold_is_refused_and_not_kept(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.db") as journal:
        with pytest.raises(ValueError, match="JSON"):
            subject(journal=journal).each(["a"], lambda indices: float("nan"), "a")
        assert journal.entries == 0


def older(path: Path, attacked: Subject, still: list[int]) -> None:
    """A journal as version 1 wrote it: FGSM on every chunk, and a corruption on all images."""
    context = {
        "weights": attacked.weights,
        "model": f" {attacked.model}",
        "seed": 0,
        "device": "cpu",
        "torch": torch.__version__,
    }
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE TABLE outcomes (key TEXT PRIMARY KEY, attack TEXT, epsilon REAL, still TEXT NOT NULL, "
            "seconds REAL, written REAL)"
        )
        for chosen in attacked.chunks():
            tensors = {"images": attacked.images[chosen], "labels": attacked.labels[chosen], "indices": chosen}
            settings = {"attack": "fgsm", "version": 1}
            key = digest([context, settings, 8.0, int(chosen[0]), tensors_digest(tensors)])
            kept = json.dumps([index for index in chosen.tolist() if index in still])
            db.execute("INSERT INTO outcomes VALUES (?, 'fgsm', 8.0, ?, 0.1, 1.0)", (key, kept))
        db.execute("INSERT INTO outcomes VALUES ('key', 'fog 1', 0.0, '[]', 0.0, 1.0)")
        db.execute("PRAGMA user_version = 1")


def test_the_attacks_of_an_older_journal_are_used_and_its_corruptions_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    older(path, subject(), [2, 5])
    assert is_outdated(path)
    with pytest.raises(EvonasError, match="format 1"):
        Journal(path, read_only=True)
    for dropped in (1, 0):
        with Journal(path) as journal:
            assert journal.dropped == dropped and journal.entries == 3
            left = left_by(subject(journal=journal), FGSM(), 8.0, torch.ones(COUNT, dtype=torch.bool))[-1][1]
            assert left.nonzero().flatten().tolist() == [2, 5]
    assert not is_outdated(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (FORMAT,)
        assert db.execute("SELECT DISTINCT name FROM outcomes").fetchall() == [("fgsm 8/255",)]


def test_a_conversion_that_fails_leaves_the_older_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    older(path, subject(), [2])
    from evonas.evaluation import journal as module

    with monkeypatch.context() as patch:
        patch.setattr(module, "_FROM_1", (*module._FROM_1, "no statement"))
        with pytest.raises(EvonasError, match="cannot use"):
            Journal(path)
    assert is_outdated(path)
    with Journal(path) as journal:
        assert journal.entries == 3
