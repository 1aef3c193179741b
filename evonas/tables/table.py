"""Tables of trained architectures: one row an architecture, one column an accuracy."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.genotypes import parsed
from spaces import Space, UsageError
from spaces.errors import shorten
from spaces.registry import closest

ARCHITECTURE_NAMES = ("genotype", "architecture", "arch_str", "arch")
LONGEST_CELL = 100_000
LONGEST_LINE = 1_000_000  # characters
MOST_COLUMNS = 10_000


@dataclass(frozen=True)
class Table:
    """Architectures with their measured accuracies; ``columns[name][i]`` belongs to ``genotypes[i]``."""

    path: str
    space: Space
    genotypes: tuple[Any, ...]
    lines: tuple[int, ...]  # where each row ends in the file, counted from 1
    columns: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.genotypes)

    def classes(self) -> list[int]:
        """The first row of each isomorphism class, in the order of the file."""
        first: dict[bytes, int] = {}  # by a digest, as keys are longer than genotypes
        for i, genotype in enumerate(self.genotypes):
            first.setdefault(blake2b(self.space.key(genotype).encode(), digest_size=16).digest(), i)
        return list(first.values())


def read_table(path: str | Path, space: Space, architecture: str | None = None) -> Table:
    """The table in a CSV file, plain or gzipped.

    ``architecture`` names the column of architectures; without it, one of `ARCHITECTURE_NAMES`. Of the others,
    a column without any number is text and left out. Raises `UsageError` naming the file and the line.
    """
    path = Path(path)
    try:
        with _open(path) as text:
            return _read(path, csv.reader(_lines(path, text), strict=True), space, architecture)
    except FileNotFoundError:
        raise UsageError(f"there is no table {str(path)!r}") from None
    except IsADirectoryError:
        raise UsageError(f"{str(path)!r} is a directory; name a CSV file") from None
    except (OSError, UnicodeDecodeError, csv.Error, EOFError, zlib.error) as error:
        raise UsageError(f"{path} cannot be read as CSV: {error}") from None


def _open(path: Path) -> Any:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", newline="", encoding="utf-8-sig")
    return path.open(newline="", encoding="utf-8-sig")


def _lines(path: Path, text: Any) -> Iterator[str]:
    """Line by line, none of them larger than memory: a small compressed file may hold one of any length."""
    number = 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise UsageError(f"{path}, line {number}: more than {LONGEST_LINE} characters; this is no table")
        yield line


def _read(path: Path, reader: Any, space: Space, architecture: str | None) -> Table:
    csv.field_size_limit(LONGEST_CELL)
    header = [name.strip() for name in next(reader, [])]
    column = _architecture_column(path, header, architecture)
    rows: list[tuple[int, list[str]]] = []
    genotypes = _genotypes(path, _rows(path, reader, len(header)), column, space, rows)
    if not rows:
        raise UsageError(f"{path} has a header and no architectures")
    columns = {}
    for i, name in enumerate(header):
        if i != column and any(_number(cells[i]) is not None for _, cells in rows):
            columns[name] = _numbers(path, rows, i, name)
    return Table(str(path), space, tuple(genotypes), tuple(line for line, _ in rows), columns)


def _architecture_column(path: Path, header: list[str], asked: str | None) -> int:
    if not any(header):
        raise UsageError(f"{path}, line 1: a header with the names of the columns is expected")
    if len(header) > MOST_COLUMNS:
        raise UsageError(f"{path}, line 1: {len(header)} columns; at most {MOST_COLUMNS} are read")
    for name, count in Counter(header).items():
        if count > 1:
            raise UsageError(f"{path}, line 1: two columns are called {shorten(name)}")
    if asked is not None:
        if asked not in header:
            raise UsageError(f"{path}, line 1: there is no column {asked!r}: {closest(asked, header)}")
        return header.index(asked)
    for name in ARCHITECTURE_NAMES:
        if name in header:
            return header.index(name)
    raise UsageError(
        f"{path}, line 1: no column of architectures; expected one called {' or '.join(ARCHITECTURE_NAMES)}"
    )


def _rows(path: Path, reader: Any, width: int) -> Iterator[tuple[int, list[str]]]:
    for cells in reader:
        if not cells:
            continue
        if len(cells) != width:
            raise UsageError(f"{path}, line {reader.line_num}: {len(cells)} cells, where the header has {width}")
        yield reader.line_num, cells


def _genotypes(
    path: Path,
    rows: Iterable[tuple[int, list[str]]],
    column: int,
    space: Space,
    kept: list[tuple[int, list[str]]],
) -> list[Any]:
    """The genotypes of ``rows``, which are ``kept``; the first that is wrong ends the reading."""
    seen: dict[Any, int] = {}
    for line, cells in rows:
        try:
            genotype = parsed(space, cells[column])
        except UsageError as error:
            raise UsageError(f"{path}, line {line}: {error}") from None
        if genotype in seen:
            raise UsageError(f"{path}, line {line}: the architecture of line {seen[genotype]} again: {genotype}")
        seen[genotype] = line
        cells[column] = ""  # it is read; a million texts would be most of what the table takes
        kept.append((line, cells))
    return list(seen)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _numbers(path: Path, rows: Sequence[tuple[int, list[str]]], i: int, name: str) -> NDArray[np.float64]:
    values = []
    for line, cells in rows:
        value = _number(cells[i])
        if value is None:
            shown = shorten(cells[i]) if cells[i].strip() else "an empty cell"
            raise UsageError(f"{path}, line {line}, column {shorten(name)}: a number is expected, not {shown}")
        values.append(value)
    return np.array(values)
