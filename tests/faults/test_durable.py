"""What is written is on the disk before anything relies on it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvonasError, SearchSettings
from evonas.core import atomic_files as durable
from evonas.core.files import write_json
from evonas.evaluation.journal import Journal
from tests.evonas.conftest import TINY


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every fsync, renaming and new directory, in order."""
    found: list[str] = []

    def record(name: str, said: Callable[..., str]) -> None:
        original = getattr(os, name)

        def recorded(*args: Any, **kwargs: Any) -> Any:
            found.append(said(*args))
            return original(*args, **kwargs)

        monkeypatch.setattr(os, name, recorded)

    def synced(descriptor: int) -> str:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        return f"sync {path.name}" + (f" of {path.stat().st_size} bytes" if path.is_file() else "")

    record("fsync", synced)
    record("replace", lambda old, new: f"rename {Path(old).name} {Path(new).name}")
    record("mkdir", lambda path, *_: f"make {Path(path).name}")
    return found


def test_a_file_is_synced_then_renamed_then_its_directory_is_synced(calls: list[str], tmp_path: Path) -> None:
    write_json(tmp_path / "best.json", {"a": 1})
    assert calls == ["sync best.json.part of 13 bytes", "rename best.json.part best.json", f"sync {tmp_path.name}"]


def test_a_new_directory_is_known_to_the_one_above(calls: list[str], tmp_path: Path) -> None:
    durable.make_directory(tmp_path / "a" / "b")
    assert calls[-2:] == ["sync a", f"sync {tmp_path.name}"] and {"make a", "make b"} < set(calls)
    calls.clear()
    durable.make_directory(tmp_path / "a" / "b")
    assert not any(call.startswith("sync") for call in calls)


def test_a_refusal_says_what_is_missing_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable.replace(tmp_path / "x", b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(EvonasError, match=r"x: No space left.* free, 2\.0 kB needed\); free disk space") as caught:
        durable.replace(tmp_path / "x", b"n" * 2000, "free disk space")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["x"] and (tmp_path / "x").read_bytes() == b"old"


def test_a_generation_waits_for_the_disk_and_a_single_score_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SQLite was told when it committed: 2 is FULL, it syncs; 1 is NORMAL, the next FULL syncs it too."""
    monkeypatch.setattr("evonas.store.run.JOURNAL_SECONDS", 0.0)
    found: dict[str, set[int]] = {"individuals": set(), "values": set()}

    class Watched(sqlite3.Connection):
        table = "values"

        def executemany(self, statement: str, *args: Any) -> sqlite3.Cursor:
            if "individuals" in statement:
                self.table = "individuals"
            return super().executemany(statement, *args)

        def execute(self, statement: str, *args: Any) -> sqlite3.Cursor:
            if statement == "COMMIT":
                if (tmp_path / "run" / "best.json").exists():  # it has begun
                    found[self.table] |= set(super().execute("PRAGMA synchronous").fetchone())
                self.table = "values"
            return super().execute(statement, *args)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, factory=Watched, **more))
    evonas.search(SearchSettings(**TINY, proxy="params", generations=6, device="cpu"), tmp_path / "run")
    assert found == {"individuals": {2}, "values": {1}}


def test_an_outcome_of_an_evaluation_waits_for_the_disk(tmp_path: Path) -> None:
    with Journal(tmp_path / "evaluation.db") as journal:
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
