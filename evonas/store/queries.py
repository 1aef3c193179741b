"""Queries of a run directory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.core.strict_json import parse_json
from evonas.store import former, headline, measurements
from evonas.store.front import Front, spread
from evonas.store.individual import Individual
from evonas.store.objective import FACT as OBJECTIVES
from evonas.store.objective import Objective, objectives_in
from evonas.store.schema import STATISTICS, GenerationRow, Value
from evonas.store.settings import SearchSettings
from evonas.store.sqlite_errors import reported
from evonas.store.state import births_in, decode
from spaces import spaces
from spaces.errors import EvonasError, UsageError

if TYPE_CHECKING:
    from spaces import Space

DATABASE = "run.db"
BEST = "best.json"  # next to it, readable without SQLite


def _there(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """A row that must exist; a damaged index may name a missing row."""
    if row is None:
        raise sqlite3.DatabaseError("its index names a missing row")
    return row


_INDIVIDUALS = "SELECT birth, generation, genotype, canonical, cached, params, flops FROM individuals i "
_SCORED = '"values" v WHERE v.name = ?'  # the values of the objective
# in the order of both indices: a query per individual would take three times as long
_BY_NETWORK = '"values" v CROSS JOIN individuals i ON i.canonical = v.canonical WHERE v.name = ?'


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

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What the search maximises or minimises; best individuals are those of the first."""
        return objectives_in(self.meta(OBJECTIVES), self.settings.proxy)

    @cached_property
    def objective(self) -> Objective:
        """The first objective."""
        return self.objectives[0]

    @cached_property
    def is_latest(self) -> bool:
        """Whether the headline is the latest birth instead of the best one."""
        return self.meta(headline.FACT) is not None

    @cached_property
    def _space(self) -> Space:
        return spaces[self.settings.space]

    def values(self, canonical: str) -> list[Value]:
        """All values of a network in this run."""
        with self._reported():
            query = 'SELECT * FROM "values" WHERE canonical = ? ORDER BY name'
            return [Value(*row) for row in self._db.execute(query, (canonical,))]

    def measurement(self, canonical: str, name: str) -> measurements.Measurement | None:
        """What was measured of a network in this run."""
        with self._reported():
            return measurements.find(self._db, canonical, name)

    def reasons(self) -> dict[str, str]:
        """Why networks have no score, by their canonical form."""
        with self._reported():
            query = f"SELECT canonical, reason FROM {_SCORED} AND value IS NULL"
            return dict(self._db.execute(query, (self.objective.name,)).fetchall())

    def born(self, canonical: str) -> bool:
        """Whether a committed individual is this network."""
        with self._reported():
            query = "SELECT 1 FROM individuals WHERE canonical = ? LIMIT 1"
            return self._db.execute(query, (canonical,)).fetchone() is not None

    def individuals(self) -> Iterator[Individual]:
        """All individuals in order of birth."""
        with self._reported():
            for row in self._db.execute(f"{_INDIVIDUALS} ORDER BY birth"):
                yield self._individual(row)

    def individuals_of(self, births: Iterable[int]) -> list[Individual]:
        """The individuals with these births, in the order of ``births``."""
        query = f"{_INDIVIDUALS} WHERE birth = ?"
        with self._reported():
            return [self._individual(_there(self._db.execute(query, (birth,)).fetchone())) for birth in births]

    def _individual(self, row: tuple[Any, ...]) -> Individual:
        birth, generation, genotype, canonical, cached, params, flops = row
        query = "SELECT parent FROM parents WHERE birth = ? ORDER BY position"
        parents = tuple(parent for (parent,) in self._db.execute(query, (birth,)))
        query = 'SELECT name, value FROM "values" WHERE canonical = ? ORDER BY name'
        found = dict(self._db.execute(query, (canonical,)).fetchall())
        first = [objective.name for objective in self.objectives]
        if not found.keys() >= set(first):
            raise sqlite3.DatabaseError("its index names a missing row")
        values = {**{name: found[name] for name in first}, **found}
        try:
            parsed, form = self._space.parse(genotype), self._space.parse(canonical)
        except UsageError as error:
            raise EvonasError(f"{self.path / DATABASE} is damaged: birth {birth}: {error}") from None
        return Individual(birth, generation, parents, parsed, form, values, params, flops, bool(cached))

    def alive(self, generation: int) -> list[int]:
        """The births of the population after ``generation``."""
        with self._reported():
            counts = "evaluations + cache_hits"
            if self._former:
                query = f"SELECT {counts} FROM generations WHERE generation = ?"
                (births,) = _there(self._db.execute(query, (generation,)).fetchone())
                return list(former.alive(self.settings.population or 0, births))
            query = f"SELECT {counts}, alive FROM generations WHERE generation = ?"
            births, text = _there(self._db.execute(query, (generation,)).fetchone())
        found = births_in(text)
        if any(not 0 <= birth < births for birth in found):
            raise EvonasError(f"{self.path / DATABASE} is damaged: generation {generation} has unknown members")
        return found

    def state(self, generation: int) -> dict[str, Any]:
        """The state of the algorithm after ``generation``."""
        if self._former:
            return {}
        with self._reported():
            query = "SELECT state FROM generations WHERE generation = ?"
            (content,) = _there(self._db.execute(query, (generation,)).fetchone())
        return decode(content)

    @property
    def _former(self) -> bool:
        return bool(self._db.execute("PRAGMA user_version").fetchone()[0] <= former.LAST)

    def numbers(self) -> list[tuple[int, int, int, int, int]]:
        """Generation, first parent (-1: none), cached, params and flops of all individuals, in order of birth."""
        with self._reported():
            query = (
                "SELECT generation, coalesce(p.parent, -1), cached, params, flops FROM individuals i "
                "LEFT JOIN parents p ON p.birth = i.birth AND p.position = 0 ORDER BY i.birth"
            )
            return self._db.execute(query).fetchall()

    def scores(self) -> list[tuple[int, float]]:
        """Birth and score of all individuals with a score, unordered."""
        with self._reported():
            query = f"SELECT birth, value FROM {_BY_NETWORK} AND value IS NOT NULL"
            return self._db.execute(query, (self.objective.name,)).fetchall()

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
        """The number of births between an individual and its random ancestor, by first parents."""
        query = (
            "WITH RECURSIVE line(birth) AS (SELECT ? UNION SELECT parent FROM parents JOIN line USING (birth) "
            "WHERE position = 0) SELECT COUNT(*) - 1 FROM line"
        )
        with self._reported():
            return int(self._db.execute(query, (birth,)).fetchone()[0])

    def best(self, pick: str | None = None) -> Individual | None:
        """The headline: the best score, the first among equals; of several objectives that of ``pick``."""
        if len(self.objectives) > 1 or self.is_latest:
            return next(iter(self.leading(1, pick)), None)
        name, maximise = self.objective
        most, worse = ("MAX", "<") if maximise else ("MIN", ">")
        with self._reported():
            (score,) = self._db.execute(f"SELECT {most}(value) FROM {_SCORED}", (name,)).fetchone()
            while score is not None:  # repeated only if it belongs to an unfinished generation
                query = f"SELECT MIN(birth) FROM {_BY_NETWORK} AND value = ?"
                (birth,) = self._db.execute(query, (name, score)).fetchone()
                if birth is not None:
                    return self.individuals_of([birth])[0]
                query = f"SELECT {most}(value) FROM {_SCORED} AND value {worse} ?"
                (score,) = self._db.execute(query, (name, score)).fetchone()
        return None

    def front(self) -> list[Individual]:
        """The Pareto front, the best first objective first."""
        known: Front[int] = Front()
        return self.individuals_of(known.after((gains, birth) for _, birth, gains in self.gains()).items)

    def gains(self) -> Iterator[tuple[int, int, tuple[float, ...]]]:
        """Generation, birth and gains of every network with a value of each objective, in order of birth."""
        names = [objective.name for objective in self.objectives]
        joins = " ".join(
            f'JOIN "values" v{i} ON v{i}.canonical = i.canonical AND v{i}.name = ? AND v{i}.value IS NOT NULL'
            for i in range(len(names))
        )
        columns = ", ".join(f"v{i}.value" for i in range(len(names)))
        query = f"SELECT generation, birth, {columns} FROM individuals i {joins} WHERE NOT cached ORDER BY birth"
        with self._reported():
            for generation, birth, *values in self._db.execute(query, names):
                signed = zip(self.objectives, values, strict=True)
                yield generation, birth, tuple(objective.sign * value for objective, value in signed)

    def leading(self, count: int, pick: str | None = None) -> list[Individual]:
        """The ``count`` individuals with the best scores, each network once; of several objectives of the front.

        The headline comes first, by ``pick`` or by that of the run.
        """
        if len(self.objectives) > 1:
            front = self.front()
            place = headline.headline(front, self.objectives, pick or self.settings.pick) if front else 0
            return spread(front, count, place)
        with self._reported():
            query = f"{headline.ranking(self.objective, self.is_latest, _BY_NETWORK)} LIMIT ?"
            births = [birth for (birth,) in self._db.execute(query, (self.objective.name, count))]
        return self.individuals_of(births)

    def births(self) -> int:
        """The number of individuals."""
        with self._reported():
            return int(self._db.execute("SELECT COUNT(*) FROM individuals").fetchone()[0])

    def generations(self, last: int | None = None) -> list[GenerationRow]:
        """The generations in order, or the last ones."""
        with self._reported():
            query = f"SELECT {STATISTICS} FROM generations ORDER BY generation DESC LIMIT ?"
            rows = self._db.execute(query, (-1 if last is None else last,)).fetchall()
        return [GenerationRow(*row) for row in reversed(rows)]

    def seconds_per_evaluation(self) -> float | None:
        """The mean time of scoring a network."""
        of_each = []
        with self._reported():
            for objective in self.objectives:
                query = f"SELECT AVG(seconds) FROM {_SCORED}"
                of_each.append(self._db.execute(query, (objective.name,)).fetchone()[0])
        return None if None in of_each else float(sum(of_each))

    def evaluated(self) -> int:
        """The number of scored networks, including those of an unfinished generation."""
        with self._reported():
            return int(self._db.execute(f"SELECT COUNT(*) FROM {_SCORED}", (self.objective.name,)).fetchone()[0])

    def failures(self) -> int:
        """The number of born networks without a score."""
        born = "EXISTS (SELECT 1 FROM individuals i WHERE i.canonical = v.canonical)"
        names = [objective.name for objective in self.objectives]
        with self._reported():
            query = (
                f'SELECT COUNT(DISTINCT canonical) FROM "values" v WHERE name IN ({", ".join("?" * len(names))}) '
                f"AND value IS NULL AND {born}"
            )
            return int(self._db.execute(query, names).fetchone()[0])
