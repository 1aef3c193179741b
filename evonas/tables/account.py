"""A record of the columns of a table: used ones with unit and direction, skipped ones with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evonas.data.tables.kinds import ACCURACY, UNKNOWN, kind_of
from evonas.data.tables.source import SEPARATORS
from evonas.data.tables.table import Table
from evonas.data.tables.units import UnitOption, doubtful
from evonas.store.settings import SearchSettings
from evonas.tables.targets import Target

BY_NAME = ("cifar10", "cifar100", "digits")  # data sets that --dataset takes
DEFAULT_DATA_SET = SearchSettings.dataset
_DATA_SETS = re.compile(r"cifar[-_ ]?100(?!\d)|cifar[-_ ]?10(?!\d)|imagenet|tiny[-_ ]?imagenet|svhn|mnist|digits")


@dataclass(frozen=True)
class Account:
    """The columns that a correlation uses of its table."""

    architectures: str  # the name of their column
    separator: str
    rows: int  # with a value in every used column
    targets: tuple[Target, ...]
    left: Mapping[str, str]  # column -> why it was skipped
    notes: tuple[str, ...]  # messages
    data_sets: tuple[str, ...]  # that its accuracies are of, by its sidecar or the names of columns and file
    scored_on: str | None = None  # the data set of the scores; None if none of them needs images
    dead: str | None = None  # a message if many networks have layers without effect

    @property
    def units(self) -> dict[str, str]:
        """The unit of each used column."""
        return {name: unit for t in self.targets for name, unit in zip(t.columns, t.units, strict=True)}

    def as_dict(self) -> dict[str, Any]:
        """The entry ``table`` of the JSON document."""
        units = set(self.units.values())
        return {
            "architectures": self.architectures,
            "separator": self.separator,
            "rows": self.rows,
            "unit": units.pop() if len(units) == 1 else "mixed",
            "targets": {
                target.name: {
                    "kind": target.kind.name,
                    "better": "smaller" if target.smaller_is_better else "larger",
                    "columns": dict(zip(target.columns, target.units, strict=True)),
                }
                for target in self.targets
            },
            "left": dict(self.left),
            "notes": [*self.notes, *filter(None, [self.other_data_set, self.dead])],
            "scored_on": self.scored_on,
        }

    def scored(self, data_set: str | None, trained_on: str | None = None) -> Account:
        """Add the data set that the scores are computed from, and that of the accuracies where it is known."""
        data_sets = self.data_sets if trained_on is None else (trained_on,)
        return replace(self, scored_on=data_set, data_sets=data_sets)

    @property
    def other_data_set(self) -> str | None:
        """A message if scores and accuracies belong to different data sets."""
        if self.scored_on is None or self.scored_on in self.data_sets:
            return None
        if self.data_sets:
            first = self.data_sets[0]
            advice = f"; use --dataset {first} for the same images" if first in BY_NAME else ""
            return f"scores are computed from {self.scored_on}, but accuracies from {self.accuracies_of}{advice}"
        if self.scored_on == DEFAULT_DATA_SET:
            return f"scores are computed from {DEFAULT_DATA_SET}, the default data set; use --dataset to change it"
        return None

    @property
    def accuracies_of(self) -> str:
        """The data sets of the accuracies, as named in the table."""
        return " and ".join(self.data_sets)


def complete(table: Table, targets: Sequence[Target]) -> tuple[Table, list[str]]:
    """The rows that have a value in every column of ``targets``, and messages about the others."""
    columns = list(dict.fromkeys(name for target in targets for name in target.columns))
    missing = {name: np.flatnonzero(np.isnan(table.columns[name])) for name in columns}
    missing = {name: rows for name, rows in missing.items() if rows.size}
    if not missing:
        return table, []
    notes = [
        f"{name} is empty for {rows.size} of {len(table)} architectures, first in line {table.lines[rows[0]]}; "
        "they are skipped"
        for name, rows in missing.items()
    ]
    kept = np.ones(len(table), dtype=bool)
    for rows in missing.values():
        kept[rows] = False
    return table.rows(kept), notes


def account(
    table: Table, targets: Sequence[Target], unit: UnitOption, asked: bool, notes: Sequence[str] = ()
) -> Account:
    """The account of ``table``; ``asked``: the targets were named."""
    columns = {name: target.name for target in targets for name in target.columns}
    units = {name: unit for t in targets for name, unit in zip(t.columns, t.units, strict=True)}
    found = list(notes)
    for target in targets:
        if target.smaller_is_better:
            found.append(
                f"{target.name}: smaller is better ({target.kind.name}), so rho is positive where high "
                "scores go with small values"
            )
        elif target.kind not in (ACCURACY, UNKNOWN):
            found.append(f"{target.name}: not an accuracy ({target.kind.name}); larger counts as better")
        elif not target.is_accuracy:
            found.append(f"{target.name}: used without conversion; larger counts as better")
    if table.trainings is not None:
        found.append(f"{len(table.trainings.architectures)} trainings: those of one architecture are averaged")
    found += [f"{name}: the mean of mean ± spread is used" for name in columns if name in table.spread]
    found += [
        f"{name}: no value exceeds 1, but read as percent like the rest of the table; if it is a fraction, add "
        f"--unit {name}=fraction"
        for name in doubtful(table, units, columns, unit)
    ]
    return Account(
        table.architecture,
        SEPARATORS[table.separator],
        len(table),
        tuple(targets),
        _left(table, columns, asked),
        tuple(found),
        _data_sets(table, columns),
    )


def _left(table: Table, taken: Mapping[str, str], asked: bool) -> dict[str, str]:
    left = {}
    for name, values in table.columns.items():
        kind = kind_of(name, values)
        if name in taken:
            continue
        if kind is ACCURACY:
            left[name] = "not selected" if asked else "not a column of these targets"
        elif kind is UNKNOWN:
            left[name] = "not selected" if asked else "not named as an accuracy"
        else:
            left[name] = f"not an accuracy ({kind.name})"
    return left | {name: str(column) for name, column in table.unreadable.items()}


def _data_sets(table: Table, taken: Mapping[str, str]) -> tuple[str, ...]:
    """The data sets in the names of the columns, or else of the file."""
    for names in (taken, [re.split(r"[\\/]", table.path)[-1]]):
        found = [match for name in names for match in _DATA_SETS.findall(name.lower())]
        if found:
            return tuple(dict.fromkeys(re.sub(r"[-_ ]", "", name) for name in found))
    return ()
