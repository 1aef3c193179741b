"""The journal of an evaluation: one SQLite file from which an interrupted evaluation continues.

An entry is one attack on one chunk of images. Its key is a digest of everything that the outcome depends on:
weights, images, labels, the attack with its settings, epsilon, seed, versions and kind of device. Therefore
entries of other weights or images are never used, and a stored outcome equals the recomputed one.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evonas.core.atomic_files import room
from evonas.core.strict_json import parse_json
from evonas.store.sqlite_errors import is_refusal
from spaces.errors import EvonasError

FORMAT = 1
_TABLE = (
    "CREATE TABLE IF NOT EXISTS outcomes (key TEXT PRIMARY KEY, attack TEXT, epsilon REAL, "
    "still TEXT NOT NULL, seconds REAL, written REAL)"
)


def _indices(text: Any) -> list[int]:
    found = parse_json(text)
    if not isinstance(found, list) or not all(type(index) is int and index >= 0 for index in found):
        raise ValueError("an entry does not hold image indices")
    return found


class Journal:
    """Outcomes by key; without a path they are kept in memory."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        with self._reported():
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=60)
            try:
                self._begin()
            except BaseException:
                self._db.close()  # otherwise the error would keep its locks
                raise

    def _begin(self) -> None:
        if self.path is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, FORMAT):
            raise EvonasError(f"{self.path} has format {version}; this version reads format {FORMAT}: remove it")
        self._db.execute(_TABLE)
        self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def get(self, key: str) -> list[int] | None:
        """The indices of the images that are still classified correctly, or None if not computed."""
        with self._reported():
            row = self._db.execute("SELECT still FROM outcomes WHERE key = ?", (key,)).fetchone()
            return None if row is None else _indices(row[0])

    def put(self, key: str, attack: str, epsilon: float, left: Sequence[int], seconds: float) -> None:
        """Store an outcome in one transaction."""
        values = (key, attack, epsilon, json.dumps(list(left)), seconds, time.time())
        with self._reported():
            self._db.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?)", values)

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
