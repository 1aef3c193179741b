"""A disk on which SQLite has no write-ahead log, or which has no locks: every promise holds there as well."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import evonas
from evonas import EvonasError, SearchSettings
from evonas.core import atomic_files, locks
from evonas.core.notices import heard_by
from evonas.evaluation.journal import Journal
from evonas.store import databases
from evonas.store.run import Run
from tests.evonas.conftest import TINY, content
from tests.faults.conftest import Undisturbed
from tests.faults.forking import Forks
from tests.faults.test_kills import MANY, Known, changing, enumerated, until

CONNECT = sqlite3.connect
SETTINGS = SearchSettings(**TINY, proxy="params", generations=3, seed=3)


@pytest.fixture(scope="module")
def remote() -> Iterator[Forks]:
    """Commands whose files are all on a network disk."""
    made = Forks(network_disk=True)
    yield made
    made.close()


@pytest.fixture
def known(remote: Forks, undisturbed: Known, tmp_path: Path) -> Callable[[str], Undisturbed]:
    """A stage as it ends there when nothing happens to it: with the result of any other disk."""

    def find(name: str) -> Undisturbed:
        usual = undisturbed(name)
        directory = usual.stage.prepare(tmp_path / "undisturbed")
        ended = remote.run(*usual.stage.start, cwd=directory)
        assert ended.code == 0 and usual.stage.outcome(directory / "run") == usual.outcome, ended.output
        files = {path.name for path in (directory / "run").glob("*.db*")}
        assert files <= {"run.db", "evaluation.db"} and len(files) == 1 + (name == "pipeline")
        assert "with a rollback journal, which is slower" in ended.output
        return dataclasses.replace(usual, ended=ended)

    return find


@pytest.mark.parametrize("power_loss", [False, True], ids=["kills", "power losses"])
@pytest.mark.parametrize("name", ["search", "evaluation"])
def test_a_stage_on_a_network_disk_killed_at_each_kind_of_step_ends_as_if_nothing_had_happened(
    name: str, power_loss: bool, remote: Forks, known: Callable[[str], Undisturbed], tmp_path: Path
) -> None:
    one = known(name)
    kinds = changing(one.ended.kinds)
    if power_loss:
        kinds = [kind for kind in kinds if kind.startswith(("after replace", "after COMMIT", "after fsync"))]
    enumerated(remote, one, tmp_path, kinds, power_loss)


@pytest.mark.slow
@pytest.mark.parametrize("power_loss", [False, True], ids=["kills", "power losses"])
@pytest.mark.parametrize("name", ["search", "evaluation", "composite", "pipeline"])
def test_a_hundred_times_at_random_moments_on_a_network_disk(
    name: str, power_loss: bool, remote: Forks, known: Callable[[str], Undisturbed], tmp_path: Path
) -> None:
    until(MANY, remote, known(name), tmp_path, power_loss)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is opened by the part of SQLite for disks without shared memory, which refuses a log."""

    def connect(file: Any, *args: Any, **options: Any) -> sqlite3.Connection:
        if file == ":memory:":
            return CONNECT(file, *args, **options)
        text = file if str(file).startswith("file:") else Path(file).absolute().as_uri()
        joined = "&" if "?" in text else "?"
        return CONNECT(f"{text}{joined}vfs=unix-dotfile", *args, **{**options, "uri": True})

    monkeypatch.setattr(sqlite3, "connect", connect)


@pytest.mark.usefixtures("refusing")
def test_a_disk_that_refuses_the_log_is_told_once_and_the_search_is_the_same(tmp_path: Path) -> None:
    told: list[str] = []
    with heard_by(told.append):
        evonas.search(SETTINGS, run=tmp_path / "run")
        evonas.resume(tmp_path / "run", generations=4)
    (text,) = told
    assert text == (
        f"{tmp_path / 'run'} is on a disk that refuses SQLite's write-ahead log: run.db is written with a "
        "rollback journal, which is slower"
    )
    assert not list((tmp_path / "run").glob("run.db-*"))
    with pytest.MonkeyPatch.context() as usual:
        usual.setattr(sqlite3, "connect", CONNECT)
        evonas.search(dataclasses.replace(SETTINGS, generations=4), run=tmp_path / "usual")
        assert content(tmp_path / "run") == content(tmp_path / "usual")


def test_a_run_that_comes_from_a_disk_with_a_log_goes_on_and_back_to_an_earlier_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evonas.search(SETTINGS, run=tmp_path / "usual")
    reader = CONNECT(tmp_path / "usual/run.db")  # so that the log stays beside the database
    reader.execute("SELECT * FROM meta").fetchone()
    evonas.resume(tmp_path / "usual", generations=4)
    shutil.copytree(tmp_path / "usual", tmp_path / "moved")
    reader.close()
    assert (tmp_path / "moved/run.db-wal").stat().st_size > 0
    monkeypatch.setattr(databases, "network_disk", lambda file: "nfs")
    evonas.resume(tmp_path / "moved", generations=5)
    evonas.resume(tmp_path / "moved", from_generation=2, generations=5)
    assert not (tmp_path / "moved/run.db-wal").exists()
    evonas.resume(tmp_path / "usual", generations=5)
    assert content(tmp_path / "moved") == content(tmp_path / "usual")


def test_what_a_killed_process_left_half_written_is_undone_by_those_who_only_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "network_disk", lambda file: "nfs")
    evonas.search(SETTINGS, run=tmp_path / "run")
    with closing(CONNECT(tmp_path / "run/run.db", isolation_level=None)) as db:
        db.execute("PRAGMA cache_size=1")  # pages are written to the file before the transaction ends
        db.execute("BEGIN")
        db.execute("UPDATE individuals SET genotype = genotype || 'x'")
        db.execute(
            "CREATE TABLE more AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 9999) "
            "SELECT i, hex(zeroblob(100)) FROM n"
        )
        shutil.copytree(tmp_path / "run", tmp_path / "killed")
    assert (tmp_path / "killed/run.db-journal").exists()
    assert (tmp_path / "killed/run.db").read_bytes() != (tmp_path / "run/run.db").read_bytes()
    Run.read(tmp_path / "killed").close()
    assert not (tmp_path / "killed/run.db-journal").exists()
    assert content(tmp_path / "killed") == content(tmp_path / "run")


def test_commits_on_a_network_disk_wait_for_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (databases.synced(True), databases.synced(True, durable=False)) == (
        "PRAGMA synchronous=FULL",
        "PRAGMA synchronous=NORMAL",
    )
    monkeypatch.setattr(databases, "network_disk", lambda file: "nfs")
    with Journal(tmp_path / "journal.db") as journal:
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (3,)
        assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_full_or_busy_disk_is_not_taken_for_one_without_a_log(tmp_path: Path) -> None:
    class Full(sqlite3.Connection):
        def execute(self, statement: str, *args: Any) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("database or disk is full")

    with closing(CONNECT(tmp_path / "x.db", factory=Full)) as db, pytest.raises(sqlite3.OperationalError):
        databases.journalled(db, tmp_path / "x.db")


MOUNTS = r"""22 27 0:21 / / rw - ext4 /dev/root rw
23 22 0:22 / /home rw,relatime shared:1 - nfs4 server:/home rw
24 23 0:22 / /home/local\040disk rw - xfs /dev/b rw
25 22 0:23 / /mnt rw - autofs systemd-1 rw
26 25 0:24 / /mnt rw - fuse.sshfs other: rw
broken
"""


def test_the_kind_of_a_disk_is_that_of_the_innermost_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(databases, "MOUNTS", tmp_path / "mountinfo")
    places = ["/home/a/run.db", "/home/local disk/run.db", "/homes/run.db", "/mnt/run.db", "/run.db"]
    kinds = [databases.network_disk(Path(place)) for place in places]
    assert kinds == ["nfs4", None, None, "fuse.sshfs", None]
    monkeypatch.setattr(databases, "MOUNTS", tmp_path / "missing")
    assert databases.network_disk(Path("/home/a")) is None


@pytest.mark.parametrize("mapped", [True, False])
def test_a_disk_whose_files_cannot_be_mapped_has_no_log(
    mapped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    (tmp_path / "mountinfo").write_text(f"22 27 0:21 / {tmp_path.resolve()} rw - fuse.direct loop rw\n")
    monkeypatch.setattr(databases, "MOUNTS", tmp_path / "mountinfo")
    if not mapped:
        monkeypatch.setattr(databases.mmap, "mmap", refuse)  # as with direct_io: SQLite answers "wal", then fails
    told: list[str] = []
    with heard_by(told.append), Journal(tmp_path / "journal.db") as journal:
        assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal" if mapped else "delete",)
    assert mapped or "refuses SQLite's write-ahead log" in told[0]


def test_what_a_killed_process_asked_a_disk_does_not_stop_a_new_run(tmp_path: Path) -> None:
    for name in (".filelock-probe-1", ".map-probe-1"):
        (tmp_path / name).touch()
    evonas.search(dataclasses.replace(SETTINGS, generations=0), run=tmp_path)


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError("no flock")])
def test_a_disk_without_locks_is_told_and_used(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FileLock, timeout: float) -> None:
        raise error

    monkeypatch.setattr(FileLock, "acquire", refuse)
    told: list[str] = []
    with heard_by(told.append), locks.held(tmp_path):
        pass
    assert told == [f"the disk of {tmp_path} has no locks: make sure that no other process works on {tmp_path}"]


def test_a_lock_that_may_not_be_taken_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FileLock, timeout: float) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(EvonasError, match="Permission denied; nothing was changed"), locks.held(tmp_path):
        pass


def test_a_directory_that_cannot_be_synced_is_no_error_and_a_full_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(code: int) -> Callable[[int], None]:
        def fsync(descriptor: int) -> None:
            raise OSError(code, os.strerror(code))

        return fsync

    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    atomic_files.synchronise(tmp_path)
    monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        atomic_files.synchronise(tmp_path)
