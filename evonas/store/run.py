"""The run directory: one SQLite file that holds everything that must survive a crash.

A generation is one transaction of its individuals, its statistics and the state of the random generator. Scores
are journalled as they are computed, so that an interrupted generation is repeated with the scores of the journal.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from evonas.core.atomic_files import make_directory
from evonas.core.files import exists
from evonas.core.locks import acquire
from evonas.core.shell import command
from evonas.store import former, measurements
from evonas.store import hash_chain as seals
from evonas.store.databases import journalled, reading, synced
from evonas.store.generation import insert
from evonas.store.individual import Individual
from evonas.store.integrity import check_schema, check_values
from evonas.store.measurements import Measurement
from evonas.store.nearby import other_runs, require_empty
from evonas.store.queries import BEST, DATABASE, Records
from evonas.store.rewind import current, finish, remove_last
from evonas.store.schema import FORMAT, READABLE, SCHEMA, GenerationRow, Value
from evonas.store.settings import SearchSettings
from evonas.store.sqlite_errors import reported
from evonas.store.state import State, encode, ranges
from spaces.errors import UsageError

JOURNAL_SECONDS = 0.5  # maximum delay until computed scores survive the end of this process


class Run(Records):
    """An open run directory. Raises `EvonasError` with one message for any problem with it."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FileLock | None) -> None:
        super().__init__(path, connection)
        self._lock = lock
        self._logged = True  # whether there is a write-ahead log
        self._journal: list[Value] = []
        self._unborn: set[str] = set()  # networks of the journal on the disk
        self._journalled = time.monotonic()
        self.forgotten = 0  # damaged scores and measurements of the journal

    @classmethod
    def create(cls, path: Path, settings: SearchSettings, facts: dict[str, str]) -> Run:
        """A new run at ``path`` with its settings and other ``facts``. Refuses a directory that holds a run."""
        if exists(path) and not path.is_dir():
            raise UsageError(f"--run {path} is a file; choose a new directory")
        make_directory(path)
        if not (path / DATABASE).exists():
            require_empty(path)
        with cls._opening(path, begun=False) as run:
            if run._tables():
                run._check_format()
                raise UsageError(f"{path} already holds a run; resume it with: {command('resume', path)}")
            with run._transaction(durable=True):
                for statement in SCHEMA.split(";\n"):
                    run._db.execute(statement)
                meta = {"settings": settings.to_json(), "created": datetime.now().isoformat(), **facts}
                meta[seals.JOURNAL] = seals.journal(run._db, ())
                run._db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
                run._db.execute(f"PRAGMA user_version = {FORMAT}")
        return run

    @classmethod
    def open(cls, path: Path) -> Run:
        """The run at ``path``, locked by this process. Checks the whole file and every seal."""
        cls.require(path)
        with cls._opening(path) as run:
            run._check_format()
            problems = [row[0] for row in run._db.execute("PRAGMA integrity_check(1)")]
            if problems != ["ok"]:
                raise sqlite3.DatabaseError(problems[0])
            check_values(run._db)
            _ = run.settings  # if they cannot be read, that error is raised
            seals.verify(run._db)
            run._upgrade()
            run._check_journal()
        return run

    @classmethod
    @contextmanager
    def _opening(cls, path: Path, begun: bool = True) -> Iterator[Run]:
        """Lock and connect; undone if the block fails."""
        run = cls._lock_and_open(path)
        try:
            with reported(path / DATABASE, begun):
                run._logged = journalled(run._db, path / DATABASE)
                yield run
                run._settle()
        except BaseException:
            run.close()
            raise

    @classmethod
    def read(cls, path: Path) -> Run:
        """The run at ``path`` for reading; another process may be writing to it."""
        cls.require(path)
        with reported(path / DATABASE):
            run = cls(path, reading(current(path / DATABASE)), None)
            run._check_format()
            check_values(run._db)
            if run._former:
                _ = run.settings  # if they cannot be read, that error is raised
                former.add_views(run._db)
        return run

    @staticmethod
    def require(path: Path) -> None:
        """Raises `UsageError` for a directory without a run."""
        if not exists(path / DATABASE):
            what = "has no run.db" if exists(path) else "does not exist"
            hint = other_runs(path)
            start = command("search", "--run", path)
            raise UsageError(f"{path} is not a run: it {what}{hint}; start one with: {start}")

    @classmethod
    def _lock_and_open(cls, path: Path) -> Run:
        lock = acquire(path)
        try:
            with reported(path / DATABASE):
                finish(path / DATABASE)
                return cls(path, sqlite3.connect(path / DATABASE, isolation_level=None), lock)
        except BaseException:
            lock.release()
            raise

    def _settle(self) -> None:
        self._db.execute(synced(self._logged, durable=False))

    def _tables(self) -> bool:
        return self._db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None

    def _check_format(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in READABLE and not self._tables():
            raise UsageError(f"{self.path} is empty: its search was stopped before it started. Start it again")
        if version not in READABLE:
            raise UsageError(
                f"{self.path / DATABASE} has format {version}; this version reads formats "
                f"{', '.join(map(str, READABLE))}"
            )
        check_schema(self._db)

    def _upgrade(self) -> None:
        if self._former:
            with self._transaction(durable=True):
                former.convert(self._db)
                self._db.execute(f"PRAGMA user_version = {FORMAT}")
                seals.add_all(self._db)
                self._seal_journal(seals.unborn(self._db))

    def _check_journal(self) -> None:
        """Delete damaged scores of the unfinished generation; they are recomputed."""
        self._unborn = seals.unborn(self._db)
        if self._journal_differs(self._unborn):
            with self._transaction(durable=True):
                seals.forget(self._db, self._unborn)
                self.forgotten = len(self._unborn) + measurements.forget_pending(self._db)
                self._seal_journal(())
            self._unborn = set()

    def check_seals(self) -> tuple[bool, str | None]:
        """Whether there are seals, and a message if the journal is damaged, which a resume repairs.

        Raises `EvonasError` for a changed generation.
        """
        with self._reported():
            self._db.execute("BEGIN")  # one consistent state, while another process may be writing
            try:
                (version,) = self._db.execute("PRAGMA user_version").fetchone()
                if version < 3:
                    return False, None
                seals.verify(self._db)
                damaged = version >= 5 and self._journal_differs(seals.unborn(self._db))
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        if not damaged:
            return True, None
        what = "scores of the unfinished generation are damaged"
        return True, f"{what}; recompute them with: {command('resume', self.path)}"

    def _journal_differs(self, unborn: Collection[str]) -> bool:
        return seals.journal(self._db, unborn) != self.meta(seals.JOURNAL)

    def _seal_journal(self, networks: Collection[str]) -> None:
        self._set_meta({seals.JOURNAL: seals.journal(self._db, networks)})

    @contextmanager
    def _transaction(self, durable: bool = False) -> Iterator[None]:
        """One transaction; with ``durable`` it and everything before it survive a power loss."""
        self._db.execute(synced(self._logged, durable))
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Write pending scores and close the directory."""
        try:
            self.flush()
        finally:
            self._db.close()
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def set_meta(self, **facts: str) -> None:
        """Set facts of the run."""
        with self._reported(), self._transaction(durable=True):
            self._set_meta(facts)

    def _set_meta(self, facts: dict[str, str]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts.items())

    def keep(self, settings: SearchSettings) -> None:
        """Replace the settings. The run is sealed again where its seals cover what has changed."""
        with self._reported(), self._transaction(durable=True):
            before = seals.beginning(self._db)
            self._set_meta({"settings": settings.to_json()})
            if seals.beginning(self._db) != before:
                seals.add_all(self._db)

    def journal(self, values: Iterable[Value]) -> None:
        """Store values of a network; they reach the disk within `JOURNAL_SECONDS` or with the generation."""
        self._journal.extend(values)
        if time.monotonic() - self._journalled > JOURNAL_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the journalled values."""
        if self._journal:
            with self._reported(), self._transaction():
                unborn = self._unborn | self._write_journal()
                self._seal_journal(unborn)
            self._written(unborn)

    def measured(self, one: Measurement) -> None:
        """Store a measurement, which then decides births and is never made again."""
        with self._reported(), self._transaction():
            measurements.add(self._db, [one])
            self._seal_journal(self._unborn)

    def _write_journal(self) -> set[str]:
        self._db.executemany('INSERT OR IGNORE INTO "values" VALUES (?, ?, ?, ?, ?)', self._journal)
        return {row.canonical for row in self._journal}

    def _written(self, unborn: set[str]) -> None:
        self._unborn = unborn
        self._journal.clear()
        self._journalled = time.monotonic()

    def undo(self) -> None:
        """Remove the last generation; its values stay for when it is repeated."""
        (self.path / BEST).unlink(missing_ok=True)
        with self._reported(), self._transaction(durable=True):
            remove_last(self._db)
            self._unborn = seals.unborn(self._db)
            self._seal_journal(self._unborn)

    def commit(
        self, born: Sequence[Individual], row: GenerationRow, alive: Iterable[int], state: State, **facts: str
    ) -> None:
        """One generation in one transaction, with the state of the algorithm and new ``facts`` of the run."""
        content = encode(state)
        with self._reported(), self._transaction(durable=True):
            unborn = (self._unborn | self._write_journal()) - {one.key for one in born}
            insert(self._db, born, (*row[:-1], ranges(alive), content, row.seconds))
            self._set_meta(facts)
            self._seal_journal(unborn)
            seals.add(self._db, row.generation)
        self._written(unborn)
