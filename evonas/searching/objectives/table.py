"""The fitness ``table:PATH:COLUMN``: a number of a table, such as the accuracy of trained networks.

The number of a genotype is that of the row that holds its canonical form. Without such a row it is the mean of the
rows that hold the same network in other spellings.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from evonas.core.digests import file_digest
from evonas.data.tables.table import read_table
from evonas.searching.objectives import fitness_kinds
from evonas.searching.objectives.fitness import MOVED, Fitness, Objective
from fitness import Score, Task
from spaces import EvonasError, Space, UsageError, spaces
from spaces.errors import shorten

VERSION = 1
DRAWN = 100  # random genotypes that tell how much of a space a table has
CACHED = 4  # tables kept by a process


@dataclass(frozen=True)
class Numbers:
    """The numbers of one column by canonical genotype."""

    exact: Mapping[str, float]  # of rows that hold a canonical form
    means: Mapping[str, float]  # over the rows of a network, by its key

    def of(self, canonical: Any, space: Space) -> float | None:
        """The number of a genotype in its canonical form; None if there is none."""
        found = self.exact.get(str(canonical))
        return self.means.get(space.key(canonical)) if found is None else found


@fitness_kinds.register("table")
@dataclass(frozen=True)
class TableFitness(Fitness):
    """A number of a table by architecture, such as a trained accuracy; no network is built, no image is read."""

    argument: str
    form: ClassVar[str] = "PATH:COLUMN"

    def __post_init__(self) -> None:
        if not self.path or not self.column:
            raise UsageError(f"--proxy table is used as table:{self.form}, not {shorten(self.text)}")

    @property
    def path(self) -> str:
        return self.argument.rpartition(":")[0]

    @property
    def column(self) -> str:
        return self.argument.rpartition(":")[2].strip()

    @property
    def text(self) -> str:
        return f"table:{self.argument}"

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(f"table:{self.column}"),)

    @cached_property
    def place(self) -> str:
        """The absolute path, for workers in other directories."""
        return str(Path(self.path).absolute())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return _digest(Path(self.path))

    def __getstate__(self) -> dict[str, Any]:
        return {"argument": self.argument, "place": self.place, "digest": self.digest}

    def identity(self) -> dict[str, Any]:
        return {self.objectives[0].name: {"version": VERSION, "column": self.column, "sha256": self.digest}}

    def changed(self, name: str, then: Any, now: Any) -> str:
        then = then.get("sha256") if isinstance(then, dict) else then
        return (
            f"was scored by another table: the SHA-256 of {self.path} is {self.digest[:12]}..., it was "
            f"{str(then)[:12]}...; restore the table ({MOVED}), or start a new run"
        )

    def check(self, space: Space) -> Sequence[str]:
        numbers, rng = self._numbers(space), np.random.default_rng(0)
        drawn = [space.canonical(space.random(rng)) for _ in range(DRAWN)]
        found = sum(numbers.of(canonical, space) is not None for canonical in drawn)
        where = f"{found or 'none'} of {DRAWN} random genotypes of {space.name} have a number in {self.path}"
        if not found:
            raise UsageError(f"{where}; a search needs a table of most of its --space")
        return [f"{where}; the others have no score"] if found < DRAWN / 2 else []

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        numbers, name = self._numbers(task.space), self.objectives[0].name
        for genotype in genotypes:
            started = time.perf_counter()
            value = numbers.of(task.space.canonical(genotype), task.space)
            reason = "" if value is not None else f"{self.path} has no {self.column} of this genotype"
            yield {name: Score(value, reason, time.perf_counter() - started)}

    def _numbers(self, space: Space) -> Numbers:
        return _read(self.place, self.column, self.digest, space.name)


@lru_cache(maxsize=CACHED)
def _read(path: str, column: str, digest: str, space_name: str) -> Numbers:
    """The numbers of a column of the file with this digest. Raises `EvonasError` for another file."""
    if _digest(Path(path)) != digest:
        raise EvonasError(f"{path} has changed since the search started; restore it and resume the run")
    space = spaces[space_name]
    table = read_table(path, space, only=[column])
    if column in table.unreadable:
        raise UsageError(f"{path}: column {shorten(column)} has no numbers: {table.unreadable[column]}")
    exact: dict[str, float] = {}
    of_network: dict[str, list[float]] = {}
    for genotype, value in zip(table.genotypes, table.columns[column].tolist(), strict=True):
        if value == value:
            of_network.setdefault(space.key(genotype), []).append(value)
            if space.canonical(genotype) == genotype:
                exact[str(genotype)] = value
    return Numbers(exact, {key: statistics.fmean(values) for key, values in of_network.items()})


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        where = "" if path.is_absolute() else f" (looked in {Path.cwd()})"
        what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise UsageError(f"table {str(path)!r} {what}{where}; {MOVED}") from None
