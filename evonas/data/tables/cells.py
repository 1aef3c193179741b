"""Parses the cells of one column: numbers in common notations, or the first cell that is not a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spaces.errors import shorten

MISSING = frozenset(
    ("", "-", "--", "\u2013", "\u2014", "nan", "na", "n/a", "#n/a", "<na>", "none", "null")
)  # lower case
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
_CELL = re.compile(rf"({_NUMBER})\s*(%?)(?:\s*(?:±|\+/?-|\\pm)\s*({_NUMBER})\s*(%?))?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_LIKE_A_NUMBER = re.compile(r"[+-]?[\d.,'_ ]*\d[\d.,'_ ]*(?:[%±(].*)?", re.ASCII)


@dataclass(frozen=True)
class Column:
    """The numbers of one column, NaN where a cell is empty, and how they were written."""

    values: NDArray[np.float64]  # (rows,)
    percent: bool = False  # with a percent sign
    spread: bool = False  # as mean ± spread; the mean is used


@dataclass(frozen=True)
class Unreadable:
    """Why a column is not numeric."""

    reason: str
    line: int | None = None
    like_numbers: bool = False  # it looks like a number
    numbers: bool = False  # some of its cells are numbers

    def __str__(self) -> str:
        return self.reason if self.line is None else f"line {self.line}: {self.reason}"


def read_column(cells: Sequence[tuple[int, str]], separator: str) -> Column | Unreadable:
    """Read the cells of one column, each with its line. Decimal commas need another separator than commas."""
    values = np.full(len(cells), np.nan)
    first: dict[str, tuple[int, str]] = {}  # first cell of each notation
    for i, (line, text) in enumerate(cells):
        cell = " ".join(text.replace("$", " ").split())
        if cell.lower() in MISSING:
            continue
        comma = separator != "," and "," in cell
        match = _CELL.fullmatch(_DECIMAL_COMMA.sub(".", cell) if comma and "." not in cell else cell)
        value = float(match[1]) if match else np.inf
        if match is None or not np.isfinite(value):
            first.setdefault("text", (line, text))
            continue
        values[i] = value
        first.setdefault("number", (line, text))
        first.setdefault("%" if "%" in cell else "no %", (line, text))
        if match[3]:
            first.setdefault("±", (line, text))
        if comma or "." in match[1]:
            first.setdefault("," if comma else ".", (line, text))
    return _problem(first) or Column(values, "%" in first, "±" in first)


def _problem(first: dict[str, tuple[int, str]]) -> Unreadable | None:
    if not first:
        return Unreadable("it is empty")
    if "text" in first:
        line, text = first["text"]
        numbers = "number" in first
        numeric = numbers or _LIKE_A_NUMBER.fullmatch(text.strip()) is not None
        what = "a number is expected, not" if numeric else "it holds text, such as"
        reason = f"{what} {shorten(text)}"
        if numeric and re.search(r"\d,\d", text):
            reason += "; decimal commas are allowed in tables separated by semicolons or tabs"
        return Unreadable(reason, line, numeric, numbers)
    for one, other in (("%", "no %"), (",", ".")):
        if one in first and other in first:
            (line, text), (other_line, other_text) = first[one], first[other]
            reason = f"{shorten(text)}, but {shorten(other_text)} in line {other_line}; use one notation"
            return Unreadable(reason, line, like_numbers=True, numbers=True)
    return None
