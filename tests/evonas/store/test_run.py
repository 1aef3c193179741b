"""The run directory when something is wrong with it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.files import write_json
from evonas.store.paths import default_path
from evonas.store.run import Run
from evonas.store.schema import Value
from fitness import proxies
from tests.evonas.conftest import content
from tests.evonas.store.formats import write_former

Tiny = Callable[..., SearchSettings]


def one_line(error: pytest.ExceptionInfo[EvonasError]) -> str:
    text = str(error.value)
    assert "\n" not in text and "Traceback" not in text
    return text


def test_a_directory_that_holds_a_run_is_not_overwritten(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(), tmp_path / "run")
    before = content(tmp_path / "run")
    with pytest.raises(UsageError, match="evonas resume"):
        evonas.search(tiny(seed=9), tmp_path / "run")
    assert content(tmp_path / "run") == before


@pytest.mark.parametrize("command", [evonas.resume, evonas.summarise])
def test_a_directory_without_a_run_is_refused(tmp_path: Path, command: Callable[[Path], object]) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UsageError, match="is not a run"):
            command(path)


def test_a_run_stopped_before_it_began_can_be_started_again(tiny: Tiny, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "run.db").close()
    (tmp_path / "run.db").touch()
    with pytest.raises(UsageError, match="stopped before it started"):
        evonas.resume(tmp_path)
    assert evonas.search(tiny(), tmp_path).generations == 4


def test_the_best_is_a_birth_also_while_better_scores_wait_for_theirs(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(), tmp_path / "run")
    before = evonas.summarise(tmp_path / "run").best
    with Run.open(tmp_path / "run") as run:
        for number in range(3):
            run.journal([Value(f"unborn {number}", "params", 1e12 + number // 2, "", 0.0)])
    assert before is not None and evonas.summarise(tmp_path / "run").best == before
    with Run.read(tmp_path / "run") as run:
        scored = [row for row in run.individuals() if row.score is not None]
        assert before == min(scored, key=lambda row: (-(row.score or 0), row.birth))
        assert sorted(run.scores()) == [(row.birth, row.score) for row in run.individuals()]


def test_a_corrupt_database_is_refused_and_left_as_it_is(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(population=40, children=20), tmp_path / "run")
    file = tmp_path / "run" / "run.db"
    whole = file.read_bytes()
    broken = {
        "overwritten": b"x" * len(whole),
        "truncated": whole[: len(whole) // 2],
        "flipped": whole[:4096] + bytes(4096) + whole[8192:],
    }
    for damage in broken.values():
        file.write_bytes(damage)
        for command in (evonas.resume, evonas.summarise):
            if damage is broken["flipped"] and command is evonas.summarise:
                continue  # reading may not meet the damaged page
            with pytest.raises(EvonasError, match="damaged") as caught:
                command(tmp_path / "run")
            one_line(caught)
        assert file.read_bytes() == damage


def test_settings_that_cannot_be_read_are_reported(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(), tmp_path / "run")
    for settings in ("", "[]", '{"space": "darts", "colour": 3}', '{"generations": "many"}'):
        with sqlite3.connect(tmp_path / "run" / "run.db") as db:
            db.execute("UPDATE meta SET value = ? WHERE key = 'settings'", (settings,))
        with pytest.raises(UsageError, match=r"settings cannot be read|must be an integer"):
            evonas.resume(tmp_path / "run")


def test_a_later_format_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(), tmp_path / "run")
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="format 99"):
        evonas.resume(tmp_path / "run")


def test_a_run_of_format_1_is_shown_and_continued(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(generations=6), tmp_path / "whole")
    evonas.search(tiny(generations=3), tmp_path / "run")
    write_former(tmp_path / "run", 1)
    assert evonas.summarise(tmp_path / "run").generation == 3
    assert evonas.score(["DARTS_V2"], run=tmp_path / "run")[0].scores.keys() == {"params"}
    evonas.resume(tmp_path / "run", generations=6)
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_full_disk_is_one_message_and_the_run_continues_when_there_is_room(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny(population=30, children=15, generations=6)
    evonas.search(settings, tmp_path / "whole")
    original = Run._settle

    def small(run: Run) -> None:
        original(run)
        (pages,) = run._db.execute("PRAGMA page_count").fetchone()
        run._db.execute(f"PRAGMA max_page_count = {pages + 12}")

    monkeypatch.setattr(Run, "_settle", small)
    with pytest.raises(EvonasError, match=r"full.*evonas resume") as caught:
        evonas.search(settings, tmp_path / "run")
    one_line(caught)
    monkeypatch.undo()
    evonas.resume(tmp_path / "run")
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_file_in_the_place_of_a_directory_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        evonas.search(tiny(), tmp_path / "file")
    with pytest.raises(EvonasError, match="cannot create"):
        evonas.search(tiny(), tmp_path / "file" / "run")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user who is not root")
def test_a_directory_without_write_access_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EvonasError, match="cannot"):
        evonas.search(tiny(), tmp_path / "run")


def test_a_run_is_read_while_another_connection_writes(tiny: Tiny, tmp_path: Path) -> None:
    evonas.search(tiny(), tmp_path / "run")
    with Run.open(tmp_path / "run") as writer, writer._transaction():
        writer._db.execute("INSERT OR REPLACE INTO meta VALUES ('x', 'y')")
        assert evonas.summarise(tmp_path / "run").generation == 4


def test_run_directories_of_one_day_are_numbered(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = default_path(tiny(), tmp_path)
    assert first.name.endswith("-darts-params")
    assert first.is_dir() and default_path(tiny(), tmp_path).name == first.name + "-2"
    assert default_path(tiny(proxy="croze*2+naswot"), tmp_path).name.endswith("-darts-croze-2+naswot")
    assert "/" not in default_path(tiny(proxy="../a+b*2"), tmp_path).name
    assert len(default_path(tiny(proxy="+".join(proxies)), tmp_path).name) < 120


def test_json_is_replaced_in_one_step(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": 1})
    write_json(tmp_path / "a.json", {"a": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(EvonasError, match="cannot write"):
        write_json(tmp_path / "absent" / "a.json", {})
