"""Percent or fraction: the unit of the accuracies of a table, found from all of its accuracy columns together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evonas.data.tables.kinds import ACCURACY, is_clean, kind_of
from evonas.data.tables.table import Table
from spaces import UsageError
from spaces.errors import shorten

AUTO, PERCENT, FRACTION, VALUE = "auto", "percent", "fraction", "value"
MAX_VALUE = {PERCENT: 100.0, FRACTION: 1.0}  # accuracies
SLACK = 1e-6  # tolerance for 1 in float32
_ENDING = re.compile(r"(?:^|\.)(?:test|clean|[\w-]+@\w+\.eps[\d.]+|\w+\.s\d)$")


@dataclass(frozen=True)
class UnitOption:
    """The value of ``--unit``: one unit for all columns, or ``auto``, and those of single columns."""

    default: str = AUTO
    of: Mapping[str, str] = field(default_factory=dict)  # a column, a target or what stands before a dot: its unit

    @classmethod
    def parse(cls, text: str) -> UnitOption:
        """From ``percent``, ``fraction``, ``auto`` or ``NAME=UNIT``, several separated by commas."""
        default, of = AUTO, {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, separator, unit = (word.strip() for word in part.rpartition("="))
            if unit not in ((PERCENT, FRACTION, VALUE) if separator else (PERCENT, FRACTION, AUTO)) or (
                separator and not name
            ):
                raise UsageError(
                    f"--unit takes {PERCENT}, {FRACTION} or {AUTO}, or NAME={PERCENT}, NAME={FRACTION} or "
                    f"NAME={VALUE} for single columns, not {shorten(part)}"
                )
            if separator:
                of[name] = unit
            else:
                default = unit
        return cls(default, of)

    def asked(self, column: str, target: str) -> str | None:
        """The requested unit of ``column``, by its name, its target or its source."""
        return next((self.of[name] for name in (column, target, source_of(column)) if name in self.of), None)


AUTOMATIC = UnitOption()


def source_of(column: str) -> str:
    """The source of a column, before its last part: ``std.cifar10`` of ``std.cifar10.clean``.

    Columns of one source have one unit.
    """
    match = _ENDING.search(column)
    return column[: match.start()] if match else ""


def units_of(
    table: Table, columns: Mapping[str, str], option: UnitOption, unknown: frozenset[str] = frozenset()
) -> dict[str, str]:
    """The unit of each of ``columns`` (column: its target), which are accuracies; ``unknown`` ones may be.

    Where ``option`` leaves it open: a column that exceeds 1 or is written with a percent sign is in percent, one
    of clean accuracy that does not is a fraction, and the rest have the unit of their source or else of the table.
    Raises `UsageError` if they contradict, and for a value out of the range of its unit.
    """
    units = {column: option.asked(column, target) or option.default for column, target in columns.items()}
    if AUTO in units.values():
        evidence = [
            name
            for name in table.columns
            if kind_of(name) is ACCURACY and option.asked(name, columns.get(name, name)) is None
        ]
        sources = _sources(table, evidence or [name for name, unit in units.items() if unit == AUTO], columns)
        units |= {name: _found(table, name, sources) for name, unit in units.items() if unit == AUTO}
    for column, unit in units.items():
        if column in unknown and not may_be_accuracy(table.columns[column], unit):
            units[column] = VALUE
        _check(table, column, units[column])
    return units


def may_be_accuracy(values: NDArray[np.float64], unit: str = PERCENT) -> bool:
    """Whether all of ``values``, (rows,), are accuracies in ``unit``, as far as they are not NaN."""
    return not _outside(values, unit).size


def doubtful(table: Table, units: Mapping[str, str], columns: Mapping[str, str], option: UnitOption) -> list[str]:
    """Columns read as percent by the rest of the table, although none of their values exceeds 1."""
    return [
        name
        for name, unit in units.items()
        if unit == PERCENT
        and option.default == AUTO
        and option.asked(name, columns[name]) is None
        and name not in table.percent
        and np.nanmax(table.columns[name]) <= 1 + SLACK
    ]


def _sources(table: Table, evidence: Sequence[str], taken: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The certain units of each source, each with the column that proves it."""
    sources: dict[str, dict[str, str]] = {}
    for name in evidence:
        unit = _sure(name, table.columns[name], name in table.percent, name in taken)
        if unit is not None:
            sources.setdefault(source_of(name), {}).setdefault(unit, name)
    return sources


def _sure(name: str, values: NDArray[np.float64], signed: bool, taken: bool) -> str | None:
    """The certain unit of a column. Impossible values are skipped, but only in used columns (``taken``)."""
    known = values[np.isfinite(values)]
    possible = known[(known >= 0) & (known <= MAX_VALUE[PERCENT])]
    if not possible.size or (possible.size < known.size and not taken):
        return None
    if signed or possible.max() > 1 + SLACK:
        return PERCENT
    return FRACTION if is_clean(name) and possible.max() > 0 else None


def _found(table: Table, column: str, sources: Mapping[str, Mapping[str, str]]) -> str:
    everywhere: dict[str, str] = {}
    for shown in sources.values():
        everywhere = {**shown, **everywhere}
    shown = sources.get(source_of(column)) or everywhere
    if len(shown) > 1:
        percent, fraction = (
            f"{shorten(name)} (up to {np.nanmax(table.columns[name]):g})"
            for name in (shown[PERCENT], shown[FRACTION])
        )
        raise UsageError(
            f"{table.path}: column {percent} is in percent and {fraction} a fraction, so the unit of "
            f"{shorten(column)} is unknown; set it by --unit {PERCENT}, --unit {FRACTION} or, for single columns, "
            f"--unit NAME={PERCENT},NAME={FRACTION}"
        )
    return next(iter(shown), FRACTION)


def _check(table: Table, column: str, unit: str) -> None:
    values = table.columns[column]
    if unit == VALUE:
        return
    if unit == FRACTION and column in table.percent:
        raise UsageError(f"{table.path}: column {shorten(column)} is written with percent signs: not a fraction")
    wrong = _outside(values, unit)
    if wrong.size:
        what = "an accuracy in percent (0 to 100)" if unit == PERCENT else "an accuracy as a fraction (0 to 1)"
        raise UsageError(
            f"{table.path}, line {table.lines[wrong[0]]}, column {shorten(column)}: {values[wrong[0]]:g} is not "
            f"{what}; correct or empty the cell, or add --unit {column}={VALUE} to skip the conversion"
        )


def _outside(values: NDArray[np.float64], unit: str) -> NDArray[np.intp]:
    return np.flatnonzero((values < 0) | (values > MAX_VALUE.get(unit, np.inf) * (1 + SLACK)))
