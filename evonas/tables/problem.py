"""What a benchmark searches: the rows of a table, the targets, and the columns by which a target is searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evonas.core.arguments import one_of
from evonas.data.tables.table import Table, read_table
from evonas.data.tables.units import UnitOption
from evonas.store.objective import Objective
from evonas.tables.account import complete
from evonas.tables.arena import Arena
from evonas.tables.limits import ADMISSION, Limit, Limits, applied
from evonas.tables.statistics import Floats
from evonas.tables.targets import Target, targets
from spaces import UsageError, spaces

DUPLICATES = ("id", "class")
DRAWN = 100  # random genotypes that tell how much of a space a table has


@dataclass(frozen=True)
class Goal:
    """A target and what the algorithms search for it, with their numbers by row, accuracies in percent."""

    target: Target
    numbers: Floats  # (rows,)
    searched: Target
    searched_numbers: Floats  # (rows,)
    limits: Limits | None = None

    @property
    def judged(self) -> Floats:
        """The numbers of the target, (rows,); an infeasible row has the worst number of a feasible one."""
        if self.limits is None:
            return self.numbers
        sign, feasible = self.target.sign, self.limits.feasible
        return np.where(feasible, self.numbers, sign * (sign * self.numbers[feasible]).min())

    @property
    def order(self) -> Floats:
        """What an incumbent is chosen by, (rows,): what is searched, infeasible rows after all feasible ones."""
        numbers = self.searched_numbers
        return numbers if self.limits is None else self.limits.told(numbers, self.searched.sign)

    @property
    def optimum(self) -> float:
        """The best number of the feasible rows of the table."""
        return float(self.target.sign * (self.target.sign * self.judged).max())

    @property
    def objective(self) -> Objective:
        """What the algorithms search."""
        return Objective(self.searched.name, not self.searched.smaller_is_better)

    @property
    def percent(self) -> float:
        """A percentage point of an accuracy, or a hundredth of the range of another column."""
        return 1.0 if self.target.is_accuracy else float(np.ptp(self.judged)) / 100

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "optimum": self.optimum,
            "unit": "percent" if self.target.is_accuracy else "value",
            "better": "smaller" if self.target.smaller_is_better else "larger",
            "columns": list(self.target.columns),
            "searched": self.searched.name,
        }


@dataclass(frozen=True)
class Problem:
    """The rows that can be queried, and their numbers."""

    arena: Arena
    goals: Mapping[str, Goal]  # by the name of the target
    reported: Mapping[str, Floats]  # other numbers by row, (rows,)
    notes: tuple[str, ...]
    limits: Limits | None = None

    def __len__(self) -> int:
        return len(self.arena.genotypes)


def problem(
    path: str | Path,
    space: str,
    *,
    target_names: Sequence[str] | None = None,
    select_on: str | None = None,
    report: Sequence[str] = (),
    duplicates: str = "id",
    latency: str | Path | None = None,
    unit: UnitOption,
    architecture: str | None = None,
    constraints: Sequence[Limit] = (),
    rule: str = ADMISSION,
) -> Problem:
    """The problem that a table poses; without ``target_names`` its first target.

    Rows without a number in a column that is used are left out; by the rule `ADMISSION`, so are those that break
    one of the ``constraints``. Raises `UsageError` for an unknown name, for a column with equal numbers and for a
    constraint that no row meets.
    """
    one_of(duplicates, "--duplicates", DUPLICATES)
    table = read_table(path, spaces[space], architecture)
    if latency is not None:
        table = joined(table, read_table(latency, spaces[space], architecture))
    judged = targets(table, target_names, unit=unit)[: 1 if target_names is None else None]
    searched = targets(table, [select_on], unit=unit) * len(judged) if select_on is not None else judged
    others = targets(table, report, unit=unit) if report else ()
    for limit in constraints:
        limit.check(table)
    bounded = [Target(limit.column, (limit.column,)) for limit in constraints]
    table, notes = complete(table, [*judged, *searched, *others, *bounded])
    if duplicates == "class":
        first = np.zeros(len(table), dtype=bool)
        first[table.classes()] = True
        table = table.rows(first)
    table, limits = applied(constraints, rule, table) if constraints else (table, None)
    arena = Arena(space, table.genotypes, duplicates == "class")
    goals = {
        target.name: Goal(target, numbers(target, table), by, numbers(by, table), limits)
        for target, by in zip(judged, searched, strict=True)
    }
    for goal in goals.values():
        for target, values in ((goal.target, goal.numbers), (goal.searched, goal.searched_numbers)):
            values = values if limits is None else values[limits.feasible]
            if len(values) < 2 or np.ptp(values) == 0:
                meant = "with a value" if limits is None else "that meet the constraints"
                raise UsageError(f"{path}: {target.name} is the same for all {len(values)} architectures {meant}")
    reported = {target.name: numbers(target, table) for target in others}
    return Problem(arena, goals, reported, (*notes, *_coverage(arena, path)), limits)


def joined(table: Table, other: Table) -> Table:
    """``table`` with the columns of ``other`` by architecture, empty where ``other`` lacks it, except indices."""
    rows = {genotype: row for row, genotype in enumerate(other.genotypes)}
    places = np.array([rows.get(genotype, -1) for genotype in table.genotypes])
    if (places < 0).all():
        raise UsageError(f"{other.path} has none of the architectures of {table.path}")
    columns = {
        name: np.where(places < 0, np.nan, values[places])
        for name, values in other.columns.items()
        if name not in table.columns
    }
    return replace(
        table,
        columns=table.columns | columns,
        percent=table.percent | (other.percent & columns.keys()),
        spread=table.spread | (other.spread & columns.keys()),
    )


def numbers(target: Target, table: Table) -> Floats:
    """The numbers of a target by row, accuracies in percent."""
    return target.accuracies(table) * (100 if target.is_accuracy else 1)


def _coverage(arena: Arena, path: str | Path) -> list[str]:
    """A note on a table that lacks most of the space."""
    space, rng = spaces[arena.space_name], np.random.default_rng(0)
    found = sum(arena.admits(space.random(rng)) for _ in range(DRAWN))
    if found >= DRAWN / 2:
        return []
    return [
        f"{path} has {found or 'none'} of {DRAWN} random genotypes of the space {arena.space_name}: the searches "
        f"move among its {len(arena.genotypes)} architectures only"
    ]
