"""What was measured on one machine in a run, such as a latency: also of genotypes that were then not born.

A row is stored before anything depends on it, with the generation that was under way: it belongs to the journal
until that generation is committed, then to its seal. Runs that measure nothing have no such table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

TABLE = "measurements"
_CREATE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    canonical  TEXT NOT NULL,        -- the genotype in its canonical form
    name       TEXT NOT NULL,        -- of the value
    value      REAL,                 -- NULL: could not be measured, see reason
    reason     TEXT NOT NULL,
    seconds    REAL NOT NULL,
    generation INTEGER NOT NULL,     -- the generation for which it was measured
    PRIMARY KEY (canonical, name)
) WITHOUT ROWID
"""
_LAST = "(SELECT coalesce(max(generation), -1) FROM generations)"


class Measurement(NamedTuple):
    """A row of the table."""

    canonical: str
    name: str
    value: float | None
    reason: str
    seconds: float
    generation: int


def add(db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Store ``rows``; an earlier measurement stays."""
    if rows:
        db.execute(_CREATE)
        db.executemany(f"INSERT OR IGNORE INTO {TABLE} VALUES (?, ?, ?, ?, ?, ?)", rows)


def find(db: sqlite3.Connection, canonical: str, name: str) -> Measurement | None:
    """One value of a network, if it was measured."""
    found = _rows(db, "canonical = ? AND name = ?", (canonical, name))
    return Measurement(*found[0]) if found else None


def of_generation(db: sqlite3.Connection, generation: int) -> list[tuple[Any, ...]]:
    """What was measured for ``generation``."""
    return _rows(db, "generation = ?", (generation,))


def pending(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """What was measured for a generation that is not committed."""
    return _rows(db, f"generation > {_LAST}", ())


def forget_pending(db: sqlite3.Connection) -> int:
    """Delete what `pending` returns; returns how many rows that were."""
    if not _exists(db):
        return 0
    return db.execute(f"DELETE FROM {TABLE} WHERE generation > {_LAST}").rowcount


def _rows(db: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    if not _exists(db):
        return []
    query = f"SELECT * FROM {TABLE} WHERE {where} ORDER BY canonical, name"
    return db.execute(query, values).fetchall()


def _exists(db: sqlite3.Connection) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return db.execute(query, (TABLE,)).fetchone() is not None
