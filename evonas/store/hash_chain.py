"""A chain of digests over the generations of a run, which detects changes that SQLite cannot, such as one digit.

The seal of a generation is SHA-256 of the previous seal, its row, its individuals with their scores, and their
scores by the members of a composite; the first one starts from the settings of the run. The journal, which holds
the scores of an unfinished generation, has its own digest.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator
from typing import Any

from evonas.core.strict_json import parse_json
from evonas.store.schema import FORMAT

_KEPT = (
    *("space", "algorithm", "population", "tournament", "children", "proxy", "dataset", "batch_size"),
    *("channels", "layers", "image_size", "classes", "max_params", "max_params_at", "seed", "precision"),
)
_FACTS = ("batch", "proxies", "composite")
JOURNAL = "journal"  # the fact that holds the digest of the journal
SCORES = ("evaluations", "members")  # the tables of it
_BORN = (
    "SELECT i.*, e.score, e.reason, e.seconds FROM individuals i JOIN evaluations e ON e.canonical = i.canonical "
    "WHERE birth >= ? AND birth < ? ORDER BY birth"
)

_MEMBERS = (
    "SELECT birth, m.* FROM individuals i JOIN members m ON m.canonical = i.canonical "
    "WHERE birth >= ? AND birth < ? ORDER BY birth, proxy"
)


def read(db: sqlite3.Connection, generation: int) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """The row of ``generation``, and its individuals with score, reason and seconds."""
    row = db.execute("SELECT * FROM generations WHERE generation = ?", (generation,)).fetchone()
    return row, db.execute(_BORN, _births(db, generation)).fetchall()


def _births(db: sqlite3.Connection, generation: int) -> tuple[int, int]:
    """From the first birth of ``generation`` to the first of the next."""
    query = "SELECT evaluations + cache_hits FROM generations WHERE generation = ?"
    first = db.execute(query, (generation - 1,)).fetchone() if generation else (0,)
    return (*first, *db.execute(query, (generation,)).fetchone())


def seal(db: sqlite3.Connection, generation: int, before: str, version: int = FORMAT) -> str:
    """The seal of ``generation`` after the seal ``before``, computed from the file as in format ``version``."""
    sealed: tuple[Any, ...] = (before, *read(db, generation))
    members = db.execute(_MEMBERS, _births(db, generation)).fetchall() if version >= 4 else []
    if members:
        sealed = (*sealed, members)
    return hashlib.sha256(repr(sealed).encode()).hexdigest()


def beginning(db: sqlite3.Connection) -> str:
    """The start of the chain."""
    facts = dict(db.execute("SELECT key, value FROM meta").fetchall())
    settings = parse_json(facts["settings"])
    kept = [settings.get(name) for name in _KEPT] + [facts.get(name) for name in _FACTS]
    return hashlib.sha256(repr(kept).encode()).hexdigest()


def add(db: sqlite3.Connection, generation: int) -> None:
    """Seal ``generation``, after the previous one."""
    query = "SELECT digest FROM seals WHERE generation = ?"
    before = db.execute(query, (generation - 1,)).fetchone()[0] if generation else beginning(db)
    db.execute("INSERT INTO seals VALUES (?, ?)", (generation, seal(db, generation, before)))


def add_all(db: sqlite3.Connection) -> None:
    """Seal the generations of a run in an older format."""
    db.execute("DELETE FROM seals")
    for (generation,) in db.execute("SELECT generation FROM generations ORDER BY generation").fetchall():
        add(db, generation)


def verify(db: sqlite3.Connection) -> None:
    """Raises `sqlite3.DatabaseError` naming the first generation that has changed."""
    (last,) = db.execute("SELECT coalesce(max(generation), -1) FROM generations").fetchone()
    found = max(sound(db), default=-1)
    if found < last:
        raise sqlite3.DatabaseError(f"generation {found + 1} has changed since it was committed")


def sound(db: sqlite3.Connection) -> Iterator[int]:
    """The intact generations, up to the first changed one."""
    before, version = beginning(db), db.execute("PRAGMA user_version").fetchone()[0]
    count = db.execute("SELECT count(*) FROM generations").fetchone()[0]
    for generation in range(count):
        before = seal(db, generation, before, version)
        query = "SELECT digest FROM seals WHERE generation = ?"
        if version >= 3 and db.execute(query, (generation,)).fetchone() != (before,):
            return
        yield generation


def unborn(db: sqlite3.Connection) -> set[str]:
    """The networks of the journal: scored, but without an individual yet."""
    query = (
        "SELECT canonical FROM {} s WHERE NOT EXISTS (SELECT 1 FROM individuals i WHERE i.canonical = s.canonical)"
    )
    return {network for table in SCORES for (network,) in db.execute(query.format(table))}


def journal(db: sqlite3.Connection, networks: Collection[str]) -> str:
    """The digest of the rows of ``networks``."""
    query = "SELECT * FROM {} WHERE canonical IN (SELECT value FROM json_each(?)) ORDER BY 1, 2"
    asked = (json.dumps(sorted(networks)),)
    rows = [db.execute(query.format(table), asked).fetchall() for table in SCORES] if networks else []
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def forget(db: sqlite3.Connection, networks: Collection[str]) -> None:
    """Delete all scores of ``networks``."""
    for table in SCORES:
        db.executemany(f"DELETE FROM {table} WHERE canonical = ?", ((network,) for network in networks))
