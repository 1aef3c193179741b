"""A chain of digests over the generations of a run, which detects changes that SQLite cannot, such as one digit.

The seal of a generation is SHA-256 of the previous seal, its row with the state of the algorithm, its individuals,
their parents, the values of their networks, and what was measured for it; the first one starts from the settings
of the run. The journal, which holds the values and measurements of an unfinished generation, has its own digest.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator
from typing import Any

from evonas.core.strict_json import parse_json
from evonas.store import former, headline, measurements, objective
from evonas.store.schema import FORMAT
from evonas.store.settings import SEALED, SEALED_IF_STORED

_FACTS = ("batch", "proxies", "composite")
CONDITIONS = "measured"  # the fact that says where values were measured, and by which versions
TRAINING = "training_images"  # the fact that identifies the images that the algorithm learns from
_FACTS_IF_STORED = (objective.FACT, objective.REFERENCE, CONDITIONS, headline.FACT, TRAINING)
JOURNAL = "journal"  # the fact that holds the digest of the journal
_WITHIN = "birth >= ? AND birth < ? ORDER BY birth"
_PARTS = (  # of a generation, by its births
    f"SELECT * FROM individuals WHERE {_WITHIN}",
    f"SELECT * FROM parents WHERE {_WITHIN}, position",
    f'SELECT birth, v.* FROM individuals i JOIN "values" v ON v.canonical = i.canonical WHERE {_WITHIN}, name',
)
Part = list[tuple[Any, ...]]


def version_of(db: sqlite3.Connection) -> int:
    """The format of the file."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def read(db: sqlite3.Connection, generation: int) -> tuple[tuple[Any, ...], Part, Part, Part]:
    """The row of ``generation``, its individuals, their parents and values."""
    row = db.execute("SELECT * FROM generations WHERE generation = ?", (generation,)).fetchone()
    born = former.births_of(db, generation)
    individuals, parents, values = (db.execute(query, born).fetchall() for query in _PARTS)
    return row, individuals, parents, values


def seal(db: sqlite3.Connection, generation: int, before: str, version: int = FORMAT) -> str:
    """The seal of ``generation`` after the seal ``before``, computed from the file as in format ``version``."""
    if version <= former.LAST:
        return former.seal(db, generation, before, version)
    measured = [rows] if (rows := measurements.of_generation(db, generation)) else []
    return hashlib.sha256(repr((before, *read(db, generation), *measured)).encode()).hexdigest()


def beginning(db: sqlite3.Connection) -> str:
    """The start of the chain."""
    facts = dict(db.execute("SELECT key, value FROM meta").fetchall())
    settings = parse_json(facts["settings"])
    kept = [settings.get(name) for name in SEALED] + [facts.get(name) for name in _FACTS]
    kept += [json.dumps(settings[name], sort_keys=True) for name in SEALED_IF_STORED if settings.get(name)]
    kept += [facts[name] for name in _FACTS_IF_STORED if name in facts]
    return hashlib.sha256(repr(kept).encode()).hexdigest()


def add(db: sqlite3.Connection, generation: int) -> None:
    """Seal ``generation``, after the previous one."""
    query = "SELECT digest FROM seals WHERE generation = ?"
    before = db.execute(query, (generation - 1,)).fetchone()[0] if generation else beginning(db)
    db.execute("INSERT INTO seals VALUES (?, ?)", (generation, seal(db, generation, before)))


def add_all(db: sqlite3.Connection) -> None:
    """Seal all generations of a run that was converted."""
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
    before, version = beginning(db), version_of(db)
    count = db.execute("SELECT count(*) FROM generations").fetchone()[0]
    for generation in range(count):
        before = seal(db, generation, before, version)
        query = "SELECT digest FROM seals WHERE generation = ?"
        if version >= 3 and db.execute(query, (generation,)).fetchone() != (before,):
            return
        yield generation


def unborn(db: sqlite3.Connection) -> set[str]:
    """The networks of the journal: with values, but without an individual yet."""
    if version_of(db) <= former.LAST:
        return former.unborn(db)
    query = (
        'SELECT canonical FROM "values" v '
        "WHERE NOT EXISTS (SELECT 1 FROM individuals i WHERE i.canonical = v.canonical)"
    )
    return {network for (network,) in db.execute(query)}


def journal(db: sqlite3.Connection, networks: Collection[str]) -> str:
    """The digest of the rows of ``networks`` and of the measurements of an unfinished generation."""
    if version_of(db) <= former.LAST:
        return former.journal(db, networks)
    query = 'SELECT * FROM "values" WHERE canonical IN (SELECT value FROM json_each(?)) ORDER BY 1, 2'
    rows = db.execute(query, (json.dumps(sorted(networks)),)).fetchall() if networks else []
    measured = measurements.pending(db)
    return hashlib.sha256(repr((rows, measured) if measured else rows).encode()).hexdigest()


def forget(db: sqlite3.Connection, networks: Collection[str]) -> None:
    """Delete all values of ``networks``."""
    db.executemany('DELETE FROM "values" WHERE canonical = ?', ((network,) for network in networks))
