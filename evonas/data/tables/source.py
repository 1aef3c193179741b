"""The lines of a table in a file: plain or gzipped text, its columns separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from spaces import UsageError

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
MAX_CELL_CHARS = 100_000
MAX_LINE_CHARS = 1_000_000
FOREIGN = {  # first bytes of files that are often mistaken for tables
    b"PK\x03\x04": ("an Excel workbook or a ZIP archive", "save the sheet as CSV (UTF-8)"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save the sheet as CSV (UTF-8)"),
    b"PAR1": (
        "a Parquet file",
        "convert it to CSV, for example with pandas.read_parquet(FILE).to_csv('table.csv')",
    ),
    b"ARROW1": (
        "a Feather file",
        "convert it to CSV, for example with pandas.read_feather(FILE).to_csv('table.csv')",
    ),
    b"\x89HDF": ("an HDF5 file", "convert it to CSV"),
    b"SQLite format 3": ("an SQLite database", "convert it to CSV"),
    b"\x93NUMPY": ("a NumPy file", "convert it to CSV"),
    b"\x80\x04": ("a pickle", "convert it to CSV, for example with pandas.DataFrame.to_csv"),
    b"\x80\x05": ("a pickle", "convert it to CSV, for example with pandas.DataFrame.to_csv"),
    b"BZh": ("a bzip2 archive", "unpack it, or compress the table with gzip"),
    b"\xfd7zXZ": ("an xz archive", "unpack it, or compress the table with gzip"),
    b"\x28\xb5\x2f\xfd": ("a Zstandard archive", "unpack it, or compress the table with gzip"),
    b"\xff\xfe": ("UTF-16 text", "save it as CSV in UTF-8"),
    b"\xfe\xff": ("UTF-16 text", "save it as CSV in UTF-8"),
    b"{": ("a JSON document", "convert it to CSV, for example with pandas.read_json(FILE).to_csv('table.csv')"),
    b"[": ("a JSON document", "convert it to CSV, for example with pandas.read_json(FILE).to_csv('table.csv')"),
    b"<": ("an HTML or XML document", "convert it to CSV"),
}
GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"


class Source(NamedTuple):
    """A table whose header is read."""

    header: list[str]
    header_line: int
    rows: Iterator[tuple[int, list[str]]]  # the line where each ends, its cells
    separator: str


@contextmanager
def opened(path: Path, fits: Callable[[list[str]], bool]) -> Iterator[Source]:
    """The header and the rows of a CSV file. The separator is the one with which the header ``fits``.

    Raises `UsageError` if the file is not a text table, naming the line if possible.
    """
    try:
        with _text(path) as text:
            yield _source(path, _lines(path, text), fits)
    except FileNotFoundError:
        raise UsageError(f"table {str(path)!r} does not exist") from None
    except IsADirectoryError:
        raise UsageError(f"{str(path)!r} is a directory; expected a CSV file") from None
    except (OSError, csv.Error, EOFError, zlib.error) as error:
        raise UsageError(f"{path} cannot be read as CSV: {error}") from None


@contextmanager
def _text(path: Path) -> Iterator[TextIOWrapper]:
    """The file as text, opened once, as it may be a pipe; `_lines` names bytes that are not UTF-8."""
    with path.open("rb") as file:
        packed = path.suffix == ".gz" or file.peek(2).startswith(GZIP)
        plain: Any = gzip.GzipFile(fileobj=file) if packed else file
        start = plain.peek(16)[:64].removeprefix(BOM).lstrip()
        for magic, (what, advice) in FOREIGN.items():
            if start.startswith(magic):
                raise UsageError(f"{path} cannot be read as CSV: it is {what}; {advice}")
        yield TextIOWrapper(plain, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _lines(path: Path, text: Any) -> Iterator[str]:
    """Read lines of limited length: a small compressed file may contain a huge one."""
    number = 0
    while line := text.readline(MAX_LINE_CHARS + 1):
        number += 1
        if len(line) > MAX_LINE_CHARS:
            raise UsageError(
                f"{path}, line {number}: more than {MAX_LINE_CHARS} characters; the file is not a table"
            )
        if not line.isascii() and (bad := next((c for c in line if "\udc80" <= c <= "\udcff"), None)):
            raise UsageError(
                f"{path} cannot be read as CSV: line {number} has the byte 0x{ord(bad) - 0xDC00:02x}, which is "
                "not UTF-8; save it as CSV in UTF-8"
            )
        yield line


def _source(path: Path, lines: Iterator[str], fits: Callable[[list[str]], bool]) -> Source:
    csv.field_size_limit(MAX_CELL_CHARS)
    skipped = 0
    for line in lines:
        if line.strip() and not line.startswith("sep="):  # a line that Excel writes
            break
        skipped += 1
    else:
        return Source([], skipped + 1, iter(()), ",")
    headers = {separator: _cells(line, separator) for separator in SEPARATORS}
    order = sorted(SEPARATORS, key=lambda separator: (-fits(headers[separator]), -len(headers[separator])))
    # restarted from its first line, since a quoted name may span lines
    reader = csv.reader(chain([line], lines), delimiter=order[0], strict=True)
    header = [name.strip() for name in next(reader, [])]
    rows = _rows(path, reader, len(header), skipped)
    return Source(header, skipped + 1, rows, order[0])


def _cells(line: str, separator: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def _rows(path: Path, reader: Any, width: int, skipped: int) -> Iterator[tuple[int, list[str]]]:
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        line = reader.line_num + skipped
        if len(cells) != width:
            advice = "; quote cells that contain the separator" if len(cells) > width else ""
            raise UsageError(f"{path}, line {line}: {len(cells)} cells, but the header has {width}{advice}")
        yield line, cells
