"""Runs of the formats 1 to 5: read as they are, converted when they are continued.

1 lacks members and seals, 2 seals, 4 the digest of its journal; the seals of 3 leave out a composite's members.
The population of these formats is always the last births, and their algorithm has no state.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection
from typing import Any

from evonas.core.strict_json import parse_json
from evonas.store.schema import SEALS, TABLES
from evonas.store.state import encode, ranges

LAST = 5  # the last of these formats
SCORES = ("evaluations", "members")  # the tables of the journal
_BORN = (
    "SELECT i.*, e.score, e.reason, e.seconds FROM individuals i JOIN evaluations e ON e.canonical = i.canonical "
    "WHERE birth >= ? AND birth < ? ORDER BY birth"
)
_MEMBERS = (
    "SELECT birth, m.* FROM individuals i JOIN members m ON m.canonical = i.canonical "
    "WHERE birth >= ? AND birth < ? ORDER BY birth, proxy"
)
_PARENTS = "SELECT birth, 0 AS position, parent FROM individuals WHERE parent IS NOT NULL"


def _settings(db: sqlite3.Connection) -> dict[str, Any]:
    (text,) = db.execute("SELECT value FROM meta WHERE key = 'settings'").fetchone()
    found = parse_json(text)
    return found if isinstance(found, dict) else {}


def _objective(db: sqlite3.Connection) -> str:
    return "'" + str(_settings(db).get("proxy", "")).replace("'", "''") + "'"


def _has_members(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'members'").fetchone() is not None


def _values(db: sqlite3.Connection) -> str:
    query = f"SELECT canonical, {_objective(db)} AS name, score AS value, reason, seconds FROM evaluations"
    if _has_members(db):
        query += " UNION ALL SELECT canonical, proxy, score, reason, seconds FROM members"
    return query


def add_views(db: sqlite3.Connection) -> None:
    """Views of this connection that show the tables as the present format has them."""
    db.execute(f'CREATE TEMP VIEW "values" AS {_values(db)}')
    db.execute(f"CREATE TEMP VIEW parents AS {_PARENTS}")


def alive(population: int, births: int) -> range:
    """The births of the population after ``births``."""
    return range(max(0, births - population), births)


def convert(db: sqlite3.Connection) -> None:
    """Turn the tables into those of the present format, without seals; inside a transaction of the caller."""
    population = int(_settings(db)["population"])
    values, nothing = _values(db), encode({})
    db.execute("DROP INDEX IF EXISTS individuals_canonical")
    for table in ("individuals", "generations"):
        db.execute(f"ALTER TABLE {table} RENAME TO former_{table}")
    for statement in TABLES.split(";\n"):
        db.execute(statement)
    db.execute("DROP TABLE IF EXISTS seals")
    db.execute(SEALS)
    db.execute(f'INSERT INTO "values" {values}')
    db.execute(
        "INSERT INTO individuals SELECT birth, generation, genotype, canonical, cached, params, flops "
        "FROM former_individuals"
    )
    db.execute(f"INSERT INTO parents {_PARENTS.replace('individuals', 'former_individuals')}")
    rows = db.execute("SELECT * FROM former_generations ORDER BY generation").fetchall()
    db.executemany(
        "INSERT INTO generations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((*row[:8], ranges(alive(population, row[5] + row[6])), nothing, row[8]) for row in rows),
    )
    for table in ("former_individuals", "former_generations", "evaluations", "members"):
        db.execute(f"DROP TABLE IF EXISTS {table}")


def read(db: sqlite3.Connection, generation: int) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """The row of ``generation``, and its individuals with score, reason and seconds."""
    row = db.execute("SELECT * FROM generations WHERE generation = ?", (generation,)).fetchone()
    return row, db.execute(_BORN, births_of(db, generation)).fetchall()


def births_of(db: sqlite3.Connection, generation: int) -> tuple[int, int]:
    """From the first birth of ``generation`` to the first of the next."""
    query = "SELECT evaluations + cache_hits FROM generations WHERE generation = ?"
    first = db.execute(query, (generation - 1,)).fetchone() if generation else (0,)
    return (*first, *db.execute(query, (generation,)).fetchone())


def seal(db: sqlite3.Connection, generation: int, before: str, version: int) -> str:
    """The seal of ``generation`` after the seal ``before``, computed from the file as in format ``version``."""
    sealed: tuple[Any, ...] = (before, *read(db, generation))
    members = db.execute(_MEMBERS, births_of(db, generation)).fetchall() if version >= 4 else []
    if members:
        sealed = (*sealed, members)
    return hashlib.sha256(repr(sealed).encode()).hexdigest()


def journal(db: sqlite3.Connection, networks: Collection[str]) -> str:
    """The digest of the rows of ``networks`` in the journal."""
    query = "SELECT * FROM {} WHERE canonical IN (SELECT value FROM json_each(?)) ORDER BY 1, 2"
    asked = (json.dumps(sorted(networks)),)
    rows = [db.execute(query.format(table), asked).fetchall() for table in SCORES] if networks else []
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def unborn(db: sqlite3.Connection) -> set[str]:
    """The networks of the journal: scored, but without an individual yet."""
    query = (
        "SELECT canonical FROM {} s WHERE NOT EXISTS (SELECT 1 FROM individuals i WHERE i.canonical = s.canonical)"
    )
    return {network for table in SCORES for (network,) in db.execute(query.format(table))}


def present(
    db: sqlite3.Connection, generation: int
) -> tuple[tuple[Any, ...], list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The rows of ``generation`` as the present format has them: itself, its individuals, parents and values."""
    settings, (row, born) = _settings(db), read(db, generation)
    population = alive(int(settings["population"]), row[5] + row[6])
    values = [(one[0], one[4], str(settings["proxy"]), *one[8:]) for one in born]
    if _has_members(db):
        values += db.execute(_MEMBERS, births_of(db, generation)).fetchall()
    return (
        (*row[:8], ranges(population), encode({}), row[8]),
        [(one[0], one[1], *one[3:8]) for one in born],
        [(one[0], 0, one[2]) for one in born if one[2] is not None],
        values,
    )
