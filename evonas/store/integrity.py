"""Validates run.db: its tables, and the type of every value in them.

SQLite stores values of any type in any column, and an untrusted file may contain views and triggers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from evonas.store import former
from evonas.store.measurements import TABLE as MEASUREMENTS

MAX_COUNT = "9.0e15"  # maximum count that is exact in JSON
_COUNT = "(typeof({0}) = 'integer' AND {0} BETWEEN 0 AND " + MAX_COUNT + ")"
_REAL = "(typeof({0}) IN ('real', 'null') AND abs(coalesce({0}, 0)) < 9e999)"
_TEXT = "(typeof({0}) = 'text')"
_PARENT = "({0} IS NULL OR " + _COUNT + ")"

_BYTES = "(typeof({0}) = 'blob')"

_SHARED = {
    "seals": {"generation": _COUNT, "digest": _TEXT},
    "meta": {"key": _TEXT, "value": _TEXT},
}
_VALUE = {"reason": _TEXT, "seconds": _REAL}
_BORN = {"genotype": _TEXT, "canonical": _TEXT, **dict.fromkeys(("cached", "params", "flops"), _COUNT)}
_STATISTICS = {
    "generation": _COUNT,
    **dict.fromkeys(("best", "mean", "std", "best_so_far"), _REAL),
    **dict.fromkeys(("evaluations", "cache_hits"), _COUNT),
    "random_state": _TEXT,
}
_COLUMNS = {
    **_SHARED,
    "values": {"canonical": _TEXT, "name": _TEXT, "value": _REAL, **_VALUE},
    "individuals": {"birth": _COUNT, "generation": _COUNT, **_BORN},
    "parents": dict.fromkeys(("birth", "position", "parent"), _COUNT),
    "generations": {**_STATISTICS, "alive": _TEXT, "state": _BYTES, "seconds": _REAL},
    MEASUREMENTS: {"canonical": _TEXT, "name": _TEXT, "value": _REAL, **_VALUE, "generation": _COUNT},
}
_OPTIONAL = {MEASUREMENTS}  # tables that a run may lack
_FORMER = {
    **_SHARED,
    "evaluations": {"canonical": _TEXT, "score": _REAL, **_VALUE},
    "members": {"canonical": _TEXT, "proxy": _TEXT, "score": _REAL, **_VALUE},
    "individuals": {"birth": _COUNT, "generation": _COUNT, "parent": _PARENT, **_BORN},
    "generations": {**_STATISTICS, "seconds": _REAL},
}
_LATER = {"members": 2, "seals": 3}  # the former format that a table came with


def _columns(db: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """The tables of the format of the file, with the rule of each column."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > former.LAST:
        return _COLUMNS
    return {name: columns for name, columns in _FORMER.items() if _LATER.get(name, 1) <= version}


def check_schema(db: sqlite3.Connection) -> None:
    """Raises `sqlite3.DatabaseError` for unexpected tables, views or triggers."""
    columns = _columns(db)
    found = check_tables(db, columns)
    if missing := columns.keys() - found - _OPTIONAL:
        raise sqlite3.DatabaseError(f"there is no table {min(missing)!r}")
    for name in found:
        if [row[1] for row in db.execute(f'PRAGMA table_xinfo("{name}")')] != list(columns[name]):
            raise sqlite3.DatabaseError(f"the table {name!r} has unexpected columns")


def check_tables(db: sqlite3.Connection, expected: Collection[str] | None = None) -> set[str]:
    """The existing tables. Raises `sqlite3.DatabaseError` for anything else: a view may never end."""
    expected = _columns(db) if expected is None else expected
    found = set()
    for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_master"):
        if kind == "table" and name in expected and str(sql).upper().startswith("CREATE TABLE"):
            found.add(name)
        elif kind != "index":
            raise sqlite3.DatabaseError(f"unexpected {kind} {str(name)[:40]!r}")
    return found


def check_values(db: sqlite3.Connection) -> None:
    """Raises `sqlite3.DatabaseError` for invalid values and missing births.

    One statement per table, fast enough for every read of a run: 0.3 s for 200,000 births. CHECK constraints and
    ``PRAGMA quick_check`` would take as long, and files without them have to be read as well. Seals, pages and
    indices take longer and are checked when a run is resumed, see `evonas.store.run.Run.open`.
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
    for table, columns in _columns(db).items():
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            continue
        sound = " AND ".join(rule.format(column) for column, rule in columns.items())
        row = db.execute(f'SELECT * FROM "{table}" WHERE NOT ({sound}) LIMIT 1').fetchone()
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
    if _unscored(db):
        raise sqlite3.DatabaseError("an individual was never scored")


def _unscored(db: sqlite3.Connection) -> bool:
    table = "evaluations" if "evaluations" in _columns(db) else '"values"'
    query = (
        f"SELECT 1 FROM individuals i WHERE NOT EXISTS (SELECT 1 FROM {table} v WHERE v.canonical = i.canonical)"
    )
    return db.execute(query).fetchone() is not None
