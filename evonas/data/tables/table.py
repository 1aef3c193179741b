"""Tables of trained architectures: one row per architecture, one column per accuracy."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.data.tables import source
from evonas.data.tables.cells import Column, Unreadable, read_column
from evonas.data.tables.kinds import ACCURACY, UNKNOWN, kind_of
from evonas.data.tables.trainings import SEED, Trainings, averaged
from spaces import Space, UsageError
from spaces.errors import shorten
from spaces.given import parsed, reads
from spaces.registry import closest

ARCHITECTURE_NAMES = ("genotype", "architecture", "arch_str", "arch")  # in any case
MAX_COLUMNS = 10_000
MAX_NAMED = 10  # columns that an error message names


@dataclass(frozen=True)
class Table:
    """Architectures with their accuracies; ``columns[name][i]`` belongs to ``genotypes[i]``, NaN if empty."""

    path: str
    space: Space
    genotypes: tuple[Any, ...]
    lines: tuple[int, ...]  # where each row ends in the file, counted from 1
    columns: dict[str, NDArray[np.float64]]
    architecture: str = ARCHITECTURE_NAMES[0]  # the name of the column of architectures
    separator: str = ","
    percent: frozenset[str] = frozenset()  # columns written with a percent sign
    spread: frozenset[str] = frozenset()  # columns written as mean ± spread, whose mean is used
    unreadable: Mapping[str, Unreadable] = field(default_factory=dict)  # columns that are not numeric
    trainings: Trainings | None = None  # the rows of the file, if some architecture has several

    def __len__(self) -> int:
        return len(self.genotypes)

    def classes(self) -> list[int]:
        """The first row of each isomorphism class, in the order of the file."""
        first: dict[bytes, int] = {}  # by a digest, as keys are longer than genotypes
        for i, genotype in enumerate(self.genotypes):
            first.setdefault(blake2b(self.space.key(genotype).encode(), digest_size=16).digest(), i)
        return list(first.values())

    def rows(self, kept: NDArray[np.bool_]) -> Table:
        """The table of the rows where ``kept``, (rows,), is true."""
        chosen = np.flatnonzero(kept)
        return replace(
            self,
            genotypes=tuple(self.genotypes[i] for i in chosen),
            lines=tuple(self.lines[i] for i in chosen),
            columns={name: values[chosen] for name, values in self.columns.items()},
            trainings=None if self.trainings is None else self.trainings.rows(kept),
        )


def read_table(
    path: str | Path, space: Space, architecture: str | None = None, only: Sequence[str] | None = None
) -> Table:
    """The table in a CSV file, plain or gzipped, separated by commas, semicolons or tabs.

    ``architecture`` names the column of architectures; without it, one of `ARCHITECTURE_NAMES`. ``only`` these
    columns are read, in a fraction of the time. Rows of one architecture that differ in the column `SEED` are
    averaged. Raises `UsageError` naming the file, the line and the column of a cell that is neither a number nor
    empty where others are numbers, and for a column that does not exist.
    """
    path = Path(path)
    names = ARCHITECTURE_NAMES if architecture is None else (architecture,)
    rows: list[tuple[int, list[str]]] = []
    with source.opened(path, lambda header: _position(header, names) is not None) as opened:
        _check_header(f"{path}, line {opened.header_line}", opened.header, space)
        column = _architecture_column(path, space, opened, names)
        header = [name or f"column {i + 1}" for i, name in enumerate(opened.header)]
        wanted = _wanted(path, opened, header, column, only)
        seed = next((i for i, name in enumerate(header) if name.lower() == SEED and i != column), None)
        genotypes = _genotypes(path, opened.rows, column, space, rows, wanted, seed)
    if not rows:
        raise UsageError(f"{path} has a header but no architectures")
    found = {
        header[i]: read_column([(line, cells[place]) for line, cells in rows], opened.separator)
        for place, i in enumerate(wanted)
    }
    unreadable = {name: part for name, part in found.items() if isinstance(part, Unreadable)}
    for name, part in unreadable.items():
        if only is None and _is_mistake(name, part):
            raise UsageError(f"{path}, line {part.line}, column {shorten(name)}: {part.reason}")
    columns = {name: part for name, part in found.items() if isinstance(part, Column)}
    first, means, trainings = averaged(genotypes, {name: part.values for name, part in columns.items()})
    return Table(
        str(path),
        space,
        tuple(genotypes[row] for row in first),
        tuple(rows[row][0] for row in first),
        means,
        header[column],
        opened.separator,
        frozenset(name for name, part in columns.items() if part.percent),
        frozenset(name for name, part in columns.items() if part.spread),
        unreadable,
        trainings,
    )


def _is_mistake(name: str, column: Unreadable) -> bool:
    """Whether a column must not be skipped, because its name or its other cells indicate accuracies."""
    kind = kind_of(name)
    return (kind is ACCURACY and column.like_numbers) or (kind is UNKNOWN and column.numbers)


def _check_header(where: str, header: Sequence[str], space: Space) -> None:
    if not any(header):
        raise UsageError(f"{where}: expected a header with the names of the columns")
    if len(header) > MAX_COLUMNS:
        raise UsageError(f"{where}: {len(header)} columns; at most {MAX_COLUMNS} are allowed")
    for name, count in Counter(name for name in header if name).items():
        if count > 1:
            raise UsageError(f"{where}: two columns are named {shorten(name)}; rename or remove one of them")
    if any(reads(space, name) for name in header):
        raise UsageError(
            f"{where}: found an architecture, but expected a header with the names of the columns, such as "
            f"{ARCHITECTURE_NAMES[0]},clean"
        )


def _position(header: Sequence[str], names: Sequence[str]) -> int | None:
    """The index in ``header`` of the first of ``names`` that it has."""
    lowered = [name.lower() for name in header]
    return next((lowered.index(name.lower()) for name in names if name.lower() in lowered), None)


def _architecture_column(path: Path, space: Space, opened: source.Source, names: Sequence[str]) -> int:
    header = opened.header
    position = _position(header, names)
    if position is not None:
        return position
    where = f"{path}, line {opened.header_line}"
    if names is not ARCHITECTURE_NAMES:
        raise UsageError(f"{where}: unknown column {names[0]!r}: {closest(names[0], [n for n in header if n])}")
    _, cells = next(opened.rows, (0, []))
    likely = [name for name, cell in zip(header, cells, strict=False) if name and reads(space, cell)]
    advice = f"; add --architecture {shlex.quote(likely[0])}" if likely else ""
    raise UsageError(f"{where}: no column of architectures; expected one named {_listed(names)}{advice}")


def _wanted(
    path: Path, opened: source.Source, header: Sequence[str], architecture: int, only: Sequence[str] | None
) -> list[int]:
    """The places of the columns to read, in the order of the file."""
    there = {name: i for i, name in enumerate(header) if i != architecture}
    for name in only or ():
        if name not in there:
            where = f"{path}, line {opened.header_line}"
            raise UsageError(f"{where}: unknown column {shorten(name)}: {_near(name, list(there))}")
    return [i for name, i in there.items() if only is None or name in only]


def _near(name: str, columns: list[str]) -> str:
    """The columns like ``name``, as the end of an error message; only some of many."""
    containing = [column for column in columns if name.lower() in column.lower()]
    if containing and len(columns) > MAX_NAMED:
        columns = containing
    found, more = closest(name, columns), len(columns) - MAX_NAMED
    if more <= 0 or not found.startswith("choose"):
        return found
    return f"choose from {', '.join(columns[:MAX_NAMED])} and {more} more"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _genotypes(
    path: Path,
    rows: Iterable[tuple[int, list[str]]],
    column: int,
    space: Space,
    kept: list[tuple[int, list[str]]],
    wanted: Sequence[int],
    seed: int | None,
) -> list[Any]:
    """The genotypes of ``rows``, whose ``wanted`` cells are added to ``kept``; stops at the first invalid one.

    One may return with another text in the column ``seed``.
    """
    seen: dict[tuple[Any, str | None], int] = {}
    for line, cells in rows:
        try:
            genotype = parsed(space, cells[column])
        except UsageError as error:
            raise UsageError(f"{path}, line {line}: {error}") from None
        training = (genotype, None if seed is None else cells[seed].strip())
        if training in seen:
            same, advice = (
                ("same architecture as", "a table must have one row per architecture, such as the mean of")
                if seed is None
                else ("same architecture and seed as", "the column seed must differ in")
            )
            raise UsageError(
                f"{path}, line {line}: {same} in line {seen[training]}: {genotype}; {advice} several trainings"
            )
        seen[training] = line
        kept.append((line, [cells[i] for i in wanted]))  # without the texts, which would take most of the memory
    return [genotype for genotype, _ in seen]
