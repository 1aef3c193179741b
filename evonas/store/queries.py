"""Queries of a run directory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from evonas.core.strict_json import parse_json
from evonas.store.schema import Evaluation, GenerationRow, IndividualRow, MemberRow
from evonas.store.settings import SearchSettings
from evonas.store.sqlite_errors import reported
from spaces.errors import EvonasError, UsageError

DATABASE = "run.db"
BEST = "best.json"  # next to it, readable without SQLite


def _there(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """A row that must exist; a damaged index may name a missing row."""
    if row is None:
        raise sqlite3.DatabaseError("its index names a missing row")
    return row


def _individual(row: tuple[Any, ...]) -> IndividualRow:
    return IndividualRow(*row)._replace(cached=bool(row[5]))


_INDIVIDUALS = (
    "SELECT birth, generation, parent, genotype, i.canonical, cached, params, flops, score "
    "FROM individuals i JOIN evaluations e ON e.canonical = i.canonical "
)
# in the order of both indices: a query per individual would take three times as long
_BY_NETWORK = "evaluations e CROSS JOIN individuals i ON i.canonical = e.canonical"


class Records:
    """Queries of a run; `evonas.store.run.Run` opens it and writes to it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection

    def _reported(self) -> AbstractContextManager[None]:
        return reported(self.path / DATABASE)

    def meta(self, key: str) -> str | None:
        """One fact of the run."""
        with self._reported():
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def fact(self, key: str) -> dict[str, Any]:
        """One fact of the run that is a JSON object, or None. Raises `EvonasError` for anything else."""
        try:
            found = parse_json(self.meta(key) or "{}")
            if not isinstance(found, dict):
                raise ValueError("it is not a JSON object")
        except ValueError as error:
            raise EvonasError(f"{self.path / DATABASE}: {key!r} cannot be read: {error}") from None
        return found

    @property
    def settings(self) -> SearchSettings:
        """The settings that the run was started with, or last resumed with."""
        text = self.meta("settings") or ""
        try:
            return SearchSettings.from_json(text)
        except UsageError as error:
            raise UsageError(f"{self.path / DATABASE}: {error}") from None

    def evaluation(self, canonical: str) -> Evaluation | None:
        """The score of a network in this run, or None."""
        with self._reported():
            row = self._db.execute("SELECT * FROM evaluations WHERE canonical = ?", (canonical,)).fetchone()
        return None if row is None else Evaluation(*row)

    def reasons(self) -> dict[str, str]:
        """Why networks have no score, by their canonical form."""
        with self._reported():
            return dict(
                self._db.execute("SELECT canonical, reason FROM evaluations WHERE score IS NULL").fetchall()
            )

    def members(self, canonical: str) -> list[MemberRow]:
        """The scores of a network by the members of a composite in this run."""
        with self._reported():
            query = "SELECT * FROM members WHERE canonical = ?"
            return [MemberRow(*row) for row in self._db.execute(query, (canonical,))]

    def born(self, canonical: str) -> bool:
        """Whether a committed individual is this network."""
        with self._reported():
            query = "SELECT 1 FROM individuals WHERE canonical = ? LIMIT 1"
            return self._db.execute(query, (canonical,)).fetchone() is not None

    def individuals(self, since: int = 0) -> Iterator[IndividualRow]:
        """All individuals from birth ``since``, in order of birth."""
        with self._reported():
            for row in self._db.execute(_INDIVIDUALS + "WHERE birth >= ? ORDER BY birth", (since,)):
                yield _individual(row)

    def numbers(self) -> list[tuple[int, int, int, int, int]]:
        """Generation, parent (-1: none), cached, params and flops of all individuals, in order of birth."""
        with self._reported():
            query = (
                "SELECT generation, coalesce(parent, -1), cached, params, flops FROM individuals ORDER BY birth"
            )
            return self._db.execute(query).fetchall()

    def scores(self) -> list[tuple[int, float]]:
        """Birth and score of all individuals with a score, unordered."""
        with self._reported():
            query = f"SELECT birth, score FROM {_BY_NETWORK} WHERE score IS NOT NULL"
            return self._db.execute(query).fetchall()

    def genotypes(self, births: Iterable[int]) -> dict[int, str]:
        """The genotypes of some individuals by birth."""
        query = "SELECT genotype FROM individuals WHERE birth = ?"
        with self._reported():
            return {birth: str(_there(self._db.execute(query, (birth,)).fetchone())[0]) for birth in births}

    def birth_of(self, genotype: str, otherwise: int | None) -> int | None:
        """The first birth of exactly this genotype."""
        with self._reported():
            query = "SELECT MIN(birth) FROM individuals WHERE genotype = ?"
            (birth,) = self._db.execute(query, (genotype,)).fetchone()
        return otherwise if birth is None else int(birth)

    def edits(self, birth: int) -> int:
        """The number of births between an individual and its random ancestor."""
        query = (
            "WITH RECURSIVE line(birth) AS (SELECT ? UNION SELECT parent FROM individuals JOIN line USING (birth) "
            "WHERE parent IS NOT NULL) SELECT COUNT(*) - 1 FROM line"
        )
        with self._reported():
            return int(self._db.execute(query, (birth,)).fetchone()[0])

    def best(self) -> IndividualRow | None:
        """The individual with the highest score, the first among equals."""
        with self._reported():
            (score,) = self._db.execute("SELECT MAX(score) FROM evaluations").fetchone()
            while score is not None:  # repeated only if it belongs to an unfinished generation
                query = f"SELECT MIN(birth) FROM {_BY_NETWORK} WHERE score = ?"
                (birth,) = self._db.execute(query, (score,)).fetchone()
                if birth is not None:
                    row = self._db.execute(_INDIVIDUALS + "WHERE birth = ?", (birth,)).fetchone()
                    return _individual(_there(row))
                query = "SELECT MAX(score) FROM evaluations WHERE score < ?"
                (score,) = self._db.execute(query, (score,)).fetchone()
        return None

    def leading(self, count: int) -> list[IndividualRow]:
        """The ``count`` individuals with the highest scores, each network once."""
        with self._reported():
            query = _INDIVIDUALS + "WHERE score IS NOT NULL AND NOT cached ORDER BY score DESC, birth LIMIT ?"
            return [_individual(row) for row in self._db.execute(query, (count,))]

    def births(self) -> int:
        """The number of individuals."""
        with self._reported():
            return int(self._db.execute("SELECT COUNT(*) FROM individuals").fetchone()[0])

    def generations(self, last: int | None = None) -> list[GenerationRow]:
        """The generations in order, or the last ones."""
        with self._reported():
            query = "SELECT * FROM generations ORDER BY generation DESC LIMIT ?"
            rows = self._db.execute(query, (-1 if last is None else last,)).fetchall()
        return [GenerationRow(*row) for row in reversed(rows)]

    def seconds_per_evaluation(self) -> float | None:
        """The mean time of scoring a network."""
        with self._reported():
            (mean,) = self._db.execute("SELECT AVG(seconds) FROM evaluations").fetchone()
        return None if mean is None else float(mean)

    def evaluated(self) -> int:
        """The number of scored networks, including those of an unfinished generation."""
        with self._reported():
            return int(self._db.execute("SELECT COUNT(*) FROM evaluations").fetchone()[0])

    def failures(self) -> int:
        """The number of born networks without a score."""
        query = "EXISTS (SELECT 1 FROM individuals i WHERE i.canonical = e.canonical)"
        with self._reported():
            query = f"SELECT COUNT(*) FROM evaluations e WHERE score IS NULL AND {query}"
            return int(self._db.execute(query).fetchone()[0])
