"""Constraints of a benchmark, such as a latency limit, and the rules by which a search respects them.

Sources: feasible-first is that of Deb, "An Efficient Constraint Handling Method for Genetic Algorithms", Computer
Methods in Applied Mechanics and Engineering 186, 2000; joint and constrained are those of Lukasik, Jung, Keuper,
"Learning Where To Look - Generative NAS is Surprisingly Efficient", ECCV 2022 (joint = 1 and joint = 0).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evonas.core.arguments import one_of
from evonas.core.inequalities import Inequality, inequality
from evonas.data.tables.table import Table
from evonas.searching.algorithms import algorithms
from evonas.searching.ranks import rank_sums
from evonas.store.individual import Individual
from evonas.tables.arena import Arena
from evonas.tables.statistics import Floats
from spaces.errors import UsageError, shorten
from spaces.registry import closest

ADMISSION, FEASIBLE_FIRST, JOINT, CONSTRAINED = RULES = ("admission", "feasible-first", "joint", "constrained")
PENALTY = 1000  # factor of the rank of an infeasible individual


class Limit(NamedTuple):
    """A bound on a column of a table, in the unit of the table."""

    column: str
    sign: int  # 1 for <=, -1 for >=
    bound: float

    def __str__(self) -> str:
        return str(Inequality(self.column, self.sign > 0, self.bound))

    @classmethod
    def parse(cls, text: str) -> Limit:
        """The limit in a text ``COLUMN<=NUMBER`` or ``COLUMN>=NUMBER``. Raises `UsageError` for any other."""
        found = inequality(text)
        if found is None:
            raise UsageError(f"--constraint takes COLUMN<=NUMBER or COLUMN>=NUMBER, not {shorten(text)}")
        return cls(found.name, 1 if found.at_most else -1, found.limit)

    def check(self, table: Table) -> None:
        """Raises `UsageError` unless the table has the column as numbers."""
        if self.column in table.unreadable:
            raise UsageError(
                f"--constraint {self}: column {self.column} is not numeric: {table.unreadable[self.column]}"
            )
        if self.column not in table.columns:
            known = closest(self.column, list(table.columns))
            raise UsageError(f"--constraint {self}: {table.path} has no column {shorten(self.column)}: {known}")


@dataclass(frozen=True)
class Limits:
    """The limits of a benchmark with their rule, and by how much every row that can be queried breaks them."""

    rule: str
    limits: tuple[Limit, ...]
    share: float  # of the architectures of the table that meet all limits
    violation: Floats  # (rows,), a sum in ranges of the columns; 0 where feasible
    first: Floats  # (rows,), the column of the first limit, negated if that is >=

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Whether a row meets all limits, (rows,)."""
        return self.violation == 0

    @property
    def ranked(self) -> bool:
        """Whether an individual is judged by its ranks among all individuals so far."""
        return self.rule in (JOINT, CONSTRAINED)

    def told(self, values: Floats, sign: float) -> Floats:
        """Numbers of rows (rows,) where every infeasible one is worse than all others, by its violation."""
        larger = sign * values
        worst = larger.min()
        below = np.minimum(worst - self.violation * (np.ptp(values) or 1.0), np.nextafter(worst, -np.inf))
        return np.asarray(sign * np.where(self.feasible, larger, below))

    def identity(self) -> list[str]:
        """What a trial depends on."""
        arrays = hashlib.sha256(np.stack([self.violation, self.first]).astype("<f8").tobytes())
        return [self.rule, arrays.hexdigest()]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"rule": self.rule, "limits": [str(limit) for limit in self.limits], "share": self.share}


class Worth(NamedTuple):
    """Judges individuals by their ranks among all of them, by accuracy or by accuracy and latency.

    The worth is minus the rank, from 1 for the best, or minus the sum of both ranks; an infeasible individual has
    `PENALTY` times that. Equal numbers share the better rank.
    """

    arena: Arena
    larger: Floats  # (rows,), of which the largest is best
    limits: Limits

    def __call__(self, known: Sequence[Individual]) -> list[float | None]:
        found = [self.arena.row(individual.genotype) for individual in known]
        rows = np.array([row for row in found if row is not None], dtype=np.intp)
        gains = [self.larger[rows], *([-self.limits.first[rows]] if self.limits.rule == JOINT else [])]
        ranks = rank_sums(gains)
        worths = iter((-np.where(self.limits.feasible[rows], ranks, PENALTY * ranks)).tolist())
        return [None if row is None else float(next(worths)) for row in found]


def parsed(texts: Sequence[str], rule: str | None, compared: Sequence[str]) -> tuple[tuple[Limit, ...], str]:
    """The limits in ``texts`` and their rule. Raises `UsageError` unless all of ``compared`` can follow it."""
    if rule is not None:
        one_of(rule, "--rule", RULES)
    if rule is not None and not texts:
        raise UsageError(f"--rule {rule} needs a constraint; add --constraint COLUMN<=NUMBER")
    for name in compared if rule in (JOINT, CONSTRAINED) else ():
        if not algorithms[name].judged:
            raise UsageError(
                f"{name} cannot follow --rule {rule}, as it does not rank all individuals so far; use --rule "
                f"{FEASIBLE_FIRST} or {ADMISSION}"
            )
    return tuple(Limit.parse(text) for text in texts), rule or ADMISSION


def applied(limits: Sequence[Limit], rule: str, table: Table) -> tuple[Table, Limits]:
    """``table`` with the rows that can be queried, and by how much these break the limits.

    Raises `UsageError` if no architecture meets the limits.
    """
    violation = np.zeros(len(table))
    for limit in limits:
        values = table.columns[limit.column]
        excess = np.maximum(limit.sign * (values - limit.bound), 0)
        if (excess > 0).all():
            word, extreme = ("smallest", values.min()) if limit.sign > 0 else ("largest", values.max())
            raise UsageError(
                f"no architecture of {table.path} meets --constraint {limit}: the {word} value is {extreme:g}"
            )
        violation += excess / (np.ptp(values) or 1.0)
    feasible = violation == 0
    if not feasible.any():
        raise UsageError(f"no architecture of {table.path} meets all of {', '.join(map(str, limits))}")
    kept = feasible if rule == ADMISSION else np.ones_like(feasible)
    first = limits[0].sign * table.columns[limits[0].column]
    return table.rows(kept), Limits(rule, tuple(limits), float(feasible.mean()), violation[kept], first[kept])
