"""The targets of a correlation: accuracy columns, grouped as in the literature."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evonas.core.arguments import one_of
from evonas.data.tables.kinds import ACCURACY, UNKNOWN, Kind, kind_of
from evonas.data.tables.table import Table
from evonas.data.tables.units import AUTOMATIC, MAX_VALUE, VALUE, UnitOption, may_be_accuracy, source_of, units_of
from evonas.evaluation.rates import hrs
from evonas.evaluation.severities import SEVERITIES
from spaces import UsageError
from spaces.errors import shorten
from spaces.registry import closest

MAX_LISTED = 500  # columns in a message

# ``paper`` is the grouping of CRoZe's release: brightness is digital, elastic_transform and pixelate are left out.
GROUPINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "paper": {
        "weather": ("snow", "fog", "frost"),
        "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
        "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
        "digital": ("contrast", "brightness", "jpeg_compression"),
    },
    # Hendrycks and Dietterich, ICLR 2019
    "standard": {
        "weather": ("snow", "frost", "fog", "brightness"),
        "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
        "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
        "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
    },
}

ALL_CORRUPTIONS = tuple(kind for kinds in GROUPINGS["standard"].values() for kind in kinds)
CLEAN = ("test", "clean")  # endings of the column of clean accuracy, the first one found wins
_ATTACK = re.compile(r"(?:^|\.)([\w-]+)@Linf\.eps([\d.]+)$")  # the column of an attack
MAX_ATTACKS = 10  # columns that all become targets; of more, only these
OF_MANY = ("fgsm-8", "fgsm-4", "fgsm-2", "pgd-1")


@dataclass(frozen=True)
class Target:
    """Columns under one name; its correlation is the mean over the columns, unless it is ``averaged``."""

    name: str
    columns: tuple[str, ...]
    clean: bool = False  # clean accuracy, the C of the harmonic robustness score
    units: tuple[str, ...] = ()  # of each column, see `evonas.data.tables.units`
    kind: Kind = ACCURACY
    smaller_is_better: bool = False
    averaged: bool = False  # its correlation is that of the mean over the columns

    @property
    def is_accuracy(self) -> bool:
        """Whether its columns are accuracies, which can be written as fractions."""
        return VALUE not in self.units

    @property
    def sign(self) -> int:
        """-1 where smaller is better, so that larger is better of the product with the values."""
        return -1 if self.smaller_is_better else 1

    def accuracies(self, table: Table) -> NDArray[np.float64]:
        """The mean over its columns, accuracies as fractions and others without conversion, (rows,)."""
        scale = [MAX_VALUE.get(unit, 1.0) for unit in self.units]
        return np.mean([table.columns[n] / s for n, s in zip(self.columns, scale, strict=True)], axis=0)


def targets(
    table: Table, names: Sequence[str] | None = None, grouping: str = "paper", unit: UnitOption = AUTOMATIC
) -> tuple[Target, ...]:
    """The targets that ``table`` has columns for: clean, FGSM, PGD and the corruption groups of ``grouping``.

    ``names`` selects some of them, or columns by their own name; ``-NAME`` says that smaller is better, ``+NAME``
    that larger is. A table without any robust one of them offers each column whose name is that of an accuracy, or
    else each column that may be one. Raises `UsageError` for any other name and for an impossible unit.
    """
    if names is not None and not names:
        raise UsageError(f"--target needs at least one name; see the columns of {table.path}")
    known = {target.name: target for target in _known(table, grouping, several=names is not None)}
    found = _default(table, list(known.values())) if names is None else [_named(table, n, known) for n in names]
    _check_names(table, unit, known)
    accuracies = {name: t.name for t in found if t.kind in (ACCURACY, UNKNOWN) for name in t.columns}
    unknown = frozenset(name for t in found if t.kind is UNKNOWN for name in t.columns)
    units = units_of(table, accuracies, unit, unknown)
    return tuple(replace(t, units=tuple(units.get(name, VALUE) for name in t.columns)) for t in found)


def _default(table: Table, known: list[Target]) -> list[Target]:
    if not all(target.clean for target in known):
        return known
    taken = {column for target in known for column in target.columns}
    kinds = {name: kind_of(name, values) for name, values in table.columns.items() if name not in taken}
    found = known + [Target(name, (name,)) for name, kind in kinds.items() if kind is ACCURACY]
    if not found:
        found = [
            Target(name, (name,), kind=UNKNOWN)
            for name, kind in kinds.items()
            if kind is UNKNOWN and may_be_accuracy(table.columns[name])
        ]
    if not found:
        others = {name: kind.name for name, kind in kinds.items()}
        others |= {name: str(column) for name, column in table.unreadable.items()}
        raise UsageError(
            f"{table.path} has no column of accuracies next to its architectures"
            + (f"; select one of its columns with --target: {_listed(others)}" if others else "")
        )
    return found


def _named(table: Table, name: str, known: Mapping[str, Target]) -> Target:
    if name in known:
        return known[name]
    sign, column = ("", name) if name in table.columns else (name[:1], name[1:])
    if column in table.columns and sign in ("", "+", "-"):
        kind = kind_of(column, table.columns[column])
        smaller = kind.smaller_is_better if not sign else sign == "-"
        return Target(column, (column,), kind=kind, smaller_is_better=smaller)
    if name in table.unreadable:
        raise UsageError(f"{table.path}: column {shorten(name)} is not numeric: {table.unreadable[name]}")
    every = {n: kind_of(n, values).name for n, values in table.columns.items()}
    every |= dict.fromkeys(table.unreadable, "not numeric")
    raise UsageError(
        f"{table.path} has no target {name!r}: {closest(name, [*known, *table.columns])}; "
        f"its targets are {', '.join(known) or 'none'}, and its columns {_listed(every)}"
    )


def _listed(columns: Mapping[str, str]) -> str:
    shown = [f"{name} ({what})" for name, what in list(columns.items())[:MAX_LISTED]]
    return ", ".join(shown) + (f" and {len(columns) - MAX_LISTED} more" if len(columns) > MAX_LISTED else "")


def _check_names(table: Table, unit: UnitOption, known: Mapping[str, Target]) -> None:
    names = [*known, *table.columns, *dict.fromkeys(filter(None, map(source_of, table.columns)))]
    for name in unit.of:
        if name not in names:
            raise UsageError(f"--unit {name}: {table.path} has no such column: {closest(name, names)}")


def _known(table: Table, grouping: str, several: bool) -> list[Target]:
    one_of(grouping, "grouping", GROUPINGS)
    accuracies = [name for name in table.columns if kind_of(name) is ACCURACY]

    def ending(text: str) -> str | None:
        return _ending(table.path, accuracies, text, several)

    clean = next(filter(None, map(ending, CLEAN)), None)
    found = [] if clean is None else [Target("clean", (clean,), clean=True)]
    attacked = _attacks(table.path, accuracies, several)
    found += attacked
    for group, kinds in GROUPINGS[grouping].items():
        columns = [ending(f"{kind}.s{severity}") for kind in kinds for severity in SEVERITIES]
        if all(columns):
            found.append(Target(group, tuple(column for column in columns if column)))
    every = [ending(f"{kind}.s{severity}") for kind in ALL_CORRUPTIONS for severity in SEVERITIES]
    if several and all(every):  # only by its name, as it is the mean of the others
        found.append(Target("corruptions", tuple(column for column in every if column), averaged=True))
    if several and len(attacked) > 1:
        single = tuple(column for target in attacked for column in target.columns)
        found.append(Target("attacks", single, averaged=True))
    return found


def _attacks(path: str, columns: Sequence[str], several: bool) -> list[Target]:
    """``fgsm-8`` for ``fgsm@Linf.eps8``, with or without a prefix."""
    endings = {
        f"{match[1]}-{match[2]}": match[0].lstrip(".") for name in columns if (match := _ATTACK.search(name))
    }
    names = list(endings) if several or len(endings) <= MAX_ATTACKS else [n for n in OF_MANY if n in endings]
    return [
        Target(name, (column,)) for name in names if (column := _ending(path, columns, endings[name], several))
    ]


def _ending(path: str, columns: Sequence[str], ending: str, several: bool) -> str | None:
    """The one column with this ending after a dot. Raises `UsageError` for more, unless ``several`` may be."""
    matches = [name for name in columns if name == ending or name.endswith(f".{ending}")]
    if len(matches) > 1 and not several:
        raise UsageError(
            f"{path} has several columns for {ending!r}: {', '.join(matches)}; choose targets by column "
            f"name, such as --target {shlex.quote(matches[0])}"
        )
    return matches[0] if len(matches) == 1 else None


def with_harmonic(
    found: Sequence[Target], table: Table
) -> tuple[Mapping[str, NDArray[np.float64]], Mapping[str, NDArray[np.float64]]]:
    """Values of every target by name, and the HRS of accuracies with clean accuracy where the table has that."""
    accuracies = {target.name: target.accuracies(table) for target in found}
    clean = next((accuracies[target.name] for target in found if target.clean), None)
    if clean is None:
        return accuracies, {}
    robust = (t.name for t in found if t.is_accuracy and not t.clean and not t.smaller_is_better)
    return accuracies, {
        name: np.array([hrs(*pair) for pair in zip(clean.tolist(), accuracies[name].tolist(), strict=True)])
        for name in robust
    }
