"""The journal of an evaluation: one SQLite file from which an interrupted evaluation continues.

An entry is the result of one assessment on one chunk of images, as JSON. Its key is a digest of everything that
the result depends on: weights, images, labels, the assessment and its settings, seed, versions and kind of device.
Therefore entries of other weights or images are never used, and a stored result equals the recomputed one.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from evonas.core.atomic_files import room
from evonas.core.strict_json import parse_json
from evonas.store.databases import journalled, reading, synced
from evonas.store.sqlite_errors import is_refusal
from spaces.errors import EvonasError

FORMAT = 2
Json: TypeAlias = Any  # a value that JSON holds
_TABLE = (
    "CREATE TABLE IF NOT EXISTS outcomes (key TEXT PRIMARY KEY, name TEXT, payload TEXT NOT NULL, seconds REAL, "
    "written REAL)"
)
# Format 1: one attack on one chunk, or one corruption (which took 0 seconds) on all images
_FROM_1 = (
    "ALTER TABLE outcomes RENAME TO older",
    _TABLE,
    "INSERT INTO outcomes SELECT key, attack || printf(' %g/255', epsilon), still, seconds, written FROM older "
    "WHERE seconds != 0",
    "DROP TABLE older",
)


class Recorded(Protocol):
    """Where results of an evaluation come from."""

    path: Path | None

    def recall(self, key: str, name: str, compute: Callable[[], Json]) -> Json:
        """The result under ``key``, or that of ``compute()``; ``name`` is for messages."""
        ...

    def seconds(self, key: str) -> float:
        """How long the result under ``key`` took; 0 if there is none."""
        ...


def as_stored(payload: Json) -> Json:
    """``payload`` as it is read back from JSON. Raises `ValueError` or `TypeError` if JSON cannot hold it."""
    return parse_json(json.dumps(payload, allow_nan=False))


class Journal:
    """Results by key; without a path they are kept in memory.

    A file of an older version is converted when it is opened for writing: ``dropped`` entries, whose keys have
    changed, are recomputed.
    """

    def __init__(self, path: Path | None = None, read_only: bool = False) -> None:
        self.path = path
        self.dropped = 0
        with self._reported():
            if read_only and path is not None:
                self._db = reading(path)
            else:
                self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=60)
            try:
                self._begin(read_only)
            except BaseException:
                self._db.close()  # otherwise the error would keep its locks
                raise

    def _begin(self, read_only: bool) -> None:
        if self.path is not None and not read_only:
            self._db.execute(synced(journalled(self._db, self.path)))
        version = self._version()
        if version not in ((FORMAT,) if read_only else (0, 1, FORMAT)):
            raise EvonasError(f"{self.path} has format {version}; this version reads format {FORMAT}: remove it")
        if read_only:
            return
        if version == 1:
            self._convert()
        self._db.execute(_TABLE)
        self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _convert(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if self._version() == 1:  # no other process has been faster
                before = self.entries
                for statement in _FROM_1:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {FORMAT}")
                self.dropped = before - self.entries
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    @property
    def entries(self) -> int:
        """The number of results."""
        with self._reported():
            return int(self._db.execute("SELECT count(*) FROM outcomes").fetchone()[0])

    def recall(self, key: str, name: str, compute: Callable[[], Json]) -> Json:
        """The result under ``key``, else that of ``compute()``, which is then stored."""
        found = self.get(key)
        if found is None:
            started = time.perf_counter()
            found = as_stored(compute())
            self.put(key, name, found, time.perf_counter() - started)
        return found

    def get(self, key: str) -> Json:
        """The result under ``key``, or None if it is not computed."""
        with self._reported():
            row = self._db.execute("SELECT payload FROM outcomes WHERE key = ?", (key,)).fetchone()
            return None if row is None else parse_json(row[0])

    def seconds(self, key: str) -> float:
        """How long the result under ``key`` took; 0 if there is none."""
        with self._reported():
            row = self._db.execute("SELECT seconds FROM outcomes WHERE key = ?", (key,)).fetchone()
            return 0.0 if row is None else float(row[0])

    def put(self, key: str, name: str, payload: Json, seconds: float) -> None:
        """Store a result in one transaction."""
        values = (key, name, json.dumps(payload), seconds, time.time())
        with self._reported():
            self._db.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?)", values)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            text = " ".join(str(error).split())
            if self.path is not None and is_refusal(text):
                advice = f"{room(self.path)}; finished work is saved. Free disk space and repeat the command"
            else:
                advice = "; remove it to start again"
            raise EvonasError(f"cannot use {self.path}: {text}{advice}") from error


def is_outdated(path: Path) -> bool:
    """Whether the journal at ``path`` is of an older version, which must be converted before it can be read."""
    try:
        with closing(reading(path)) as db:
            return bool(db.execute("PRAGMA user_version").fetchone() == (1,))
    except sqlite3.DatabaseError:
        return False  # opening it as a journal says what is wrong
