"""Validates run.db: its tables, and the type of every value in them.

SQLite stores values of any type in any column, and an untrusted file may contain views and triggers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from evonas.store.schema import FORMAT

MAX_COUNT = "9.0e15"  # maximum count that is exact in JSON
_COUNT = "(typeof({0}) = 'integer' AND {0} BETWEEN 0 AND " + MAX_COUNT + ")"
_REAL = "(typeof({0}) IN ('real', 'null') AND abs(coalesce({0}, 0)) < 9e999)"
_TEXT = "(typeof({0}) = 'text')"
_PARENT = "({0} IS NULL OR " + _COUNT + ")"

_COLUMNS = {
    "seals": {"generation": _COUNT, "digest": _TEXT},
    "meta": {"key": _TEXT, "value": _TEXT},
    "evaluations": {"canonical": _TEXT, "score": _REAL, "reason": _TEXT, "seconds": _REAL},
    "members": {"canonical": _TEXT, "proxy": _TEXT, "score": _REAL, "reason": _TEXT, "seconds": _REAL},
    "individuals": {
        **dict.fromkeys(("birth", "generation"), _COUNT),
        "parent": _PARENT,
        **dict.fromkeys(("genotype", "canonical"), _TEXT),
        **dict.fromkeys(("cached", "params", "flops"), _COUNT),
    },
    "generations": {
        "generation": _COUNT,
        **dict.fromkeys(("best", "mean", "std", "best_so_far"), _REAL),
        **dict.fromkeys(("evaluations", "cache_hits"), _COUNT),
        "random_state": _TEXT,
        "seconds": _REAL,
    },
}
_LATER = {"members": 2, "seals": 3}  # the format that a table came with


def check_schema(db: sqlite3.Connection) -> None:
    """Raises `sqlite3.DatabaseError` for unexpected tables, views or triggers."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    expected = {name for name in _COLUMNS if _LATER.get(name, 1) <= min(version, FORMAT)}
    found = check_tables(db, expected)
    if found != expected:
        raise sqlite3.DatabaseError(f"there is no table {min(expected - found)!r}")
    for name in expected:
        columns = [row[1] for row in db.execute(f"PRAGMA table_xinfo({name})")]
        if columns != list(_COLUMNS[name]):
            raise sqlite3.DatabaseError(f"the table {name!r} has unexpected columns")


def check_tables(db: sqlite3.Connection, expected: Collection[str] = frozenset(_COLUMNS)) -> set[str]:
    """The existing tables. Raises `sqlite3.DatabaseError` for anything else: a view may never end."""
    found = set()
    for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_master"):
        if kind == "table" and name in expected and str(sql).upper().startswith("CREATE TABLE"):
            found.add(name)
        elif kind != "index":
            raise sqlite3.DatabaseError(f"unexpected {kind} {str(name)[:40]!r}")
    return found


def check_values(db: sqlite3.Connection) -> None:
    """Raises `sqlite3.DatabaseError` for invalid values and missing births.

    One statement per table, fast enough for every read of a run: 1 s for 200,000 births. Seals, pages and indices
    take longer and are checked when a run is resumed, see `evonas.store.run.Run.open`.
    """
    ours = not db.in_transaction
    if ours:
        db.execute("BEGIN")  # one consistent state, while another process may be writing
    try:
        _check_columns(db)
        _check_counts(db)
    finally:
        if ours and db.in_transaction:
            db.execute("ROLLBACK")


def _check_columns(db: sqlite3.Connection) -> None:
    for table, columns in _COLUMNS.items():
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            continue
        sound = " AND ".join(rule.format(column) for column, rule in columns.items())
        row = db.execute(f"SELECT * FROM {table} WHERE NOT ({sound}) LIMIT 1").fetchone()
        if row is not None:
            wrong = next(
                column
                for (column, rule), value in zip(columns.items(), row, strict=True)
                if not db.execute(f"SELECT {rule.format('?1')}", (value,)).fetchone()[0]
            )
            raise sqlite3.DatabaseError(f"invalid value in {table}.{wrong}")


def _check_counts(db: sqlite3.Connection) -> None:
    births, last = db.execute("SELECT count(*), coalesce(max(birth), -1) FROM individuals").fetchone()
    rows, number = db.execute("SELECT count(*), coalesce(max(generation), -1) FROM generations").fetchone()
    if births != last + 1 or rows != number + 1:
        raise sqlite3.DatabaseError("individuals or generations are missing")
    counted = db.execute(
        "SELECT evaluations + cache_hits FROM generations WHERE generation = ?", (number,)
    ).fetchone()
    recorded = counted[0] if counted else 0
    if births != recorded:
        raise sqlite3.DatabaseError(f"{births} individuals, but the last generation records {recorded}")
    # in the order of both indices: a query per individual would take three times as long
    query = "SELECT count(*) FROM evaluations e CROSS JOIN individuals i ON i.canonical = e.canonical"
    if db.execute(query).fetchone() != (births,):
        raise sqlite3.DatabaseError("an individual was never scored")
