"""Restores an earlier generation of a run: intact rows are copied into a new run.db, the old one is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from evonas.core.atomic_files import copy, synchronise
from evonas.core.locks import held
from evonas.store import former, measurements
from evonas.store import hash_chain as seals
from evonas.store.databases import ENDINGS, journalled, reading
from evonas.store.intact import last_sound
from evonas.store.integrity import check_values
from evonas.store.queries import BEST, Records
from evonas.store.schema import FORMAT, SCHEMA
from spaces.errors import EvonasError, UsageError

T = TypeVar("T")


def rewind(file: Path, generation: int, accept: Callable[[Records], T]) -> T:
    """Replace the database ``file`` of a run by its state after ``generation``; the old file is kept as run.db.1.

    Later results are dropped. ``accept`` is called with the earlier state first; if it raises, nothing is
    changed. Raises `UsageError` for a generation that is missing or damaged.
    """
    with held(file.parent):
        finish(file)
        found = last_sound(file)
        if found is None:
            raise EvonasError(f"no generation of {file} is intact; restore a backup, or start a new run")
        if not 0 <= generation <= found:
            raise UsageError(
                f"--from-generation must be from 0 to {found}, the last intact generation, not {generation}"
            )
        part = file.with_name(file.name + ".part")
        _remove(part)
        try:
            with _reported(file, generation):
                _copy(file, part, generation)
            with closing(sqlite3.connect(part)) as db:
                accepted = accept(Records(file.parent, db))
            with _reported(file, generation):
                _set_aside(file)
                part.replace(_decided(file))
                finish(file)
        finally:
            _remove(part)
        return accepted


@contextmanager
def _reported(file: Path, generation: int) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        raise EvonasError(f"cannot go back to generation {generation} of {file}: {error}") from error


def _remove(file: Path) -> None:
    """A closed database, including the leftovers of a killed process."""
    for ending in ("", *ENDINGS):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _copy(file: Path, part: Path, generation: int) -> None:
    """Reads exactly the queries of the seals; a damaged index may answer other queries differently."""
    with (
        closing(sqlite3.connect(part, isolation_level=None)) as db,
        closing(reading(file)) as old,
    ):
        for statement in SCHEMA.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {FORMAT}")
        db.execute("BEGIN")
        db.executemany("INSERT INTO meta VALUES (?, ?)", old.execute("SELECT key, value FROM meta"))
        read = former.present if seals.version_of(old) <= former.LAST else seals.read
        for number in range(generation + 1):
            row, born, parents, values = read(old, number)
            for table, rows in (("generations", [row]), ("individuals", born), ("parents", parents)):
                _insert(db, f"INSERT INTO {table}", rows)
            _insert(db, 'INSERT OR IGNORE INTO "values"', [one[1:] for one in values])
            measurements.add(db, measurements.of_generation(old, number))
            seals.add(db, number)
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (seals.JOURNAL, seals.journal(db, ())))
        check_values(db)
        db.execute("COMMIT")
        journalled(db, part)


def _insert(db: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        db.executemany(f"{statement} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def remove_last(db: sqlite3.Connection) -> None:
    """Delete the last generation and those born in it, not their values; inside a transaction."""
    last = "(SELECT MAX(generation) FROM generations)"
    born = f"(SELECT birth FROM individuals WHERE generation = {last})"
    for rows in (f"parents WHERE birth IN {born}", f"individuals WHERE generation = {last}"):
        db.execute(f"DELETE FROM {rows}")
    for table in ("seals", "generations"):
        db.execute(f"DELETE FROM {table} WHERE generation = {last}")


def _set_aside(file: Path) -> None:
    number = 1
    while (aside := file.with_name(f"{file.name}.{number}")).exists():
        number += 1
    for ending in ("", "-wal", "-journal"):
        former = file.with_name(file.name + ending)
        if former.exists():
            copy(former, aside.with_name(aside.name + ending))


def _decided(file: Path) -> Path:
    """The path of the new database from the moment it is valid."""
    return file.with_name(file.name + ".new")


def current(file: Path) -> Path:
    """The database to read: a complete new one, even before it is renamed."""
    return _decided(file) if _decided(file).exists() else file


def finish(file: Path) -> None:
    """Rename a complete new database into place, if a killed process has left one."""
    if not _decided(file).exists():
        return
    synchronise(file.parent)  # before the old one is removed
    for name in (*(file.name + ending for ending in ENDINGS), BEST):  # they belong to the old file
        file.with_name(name).unlink(missing_ok=True)
    synchronise(file.parent)
    _decided(file).replace(file)
    synchronise(file.parent)
