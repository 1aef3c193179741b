"""Correlations with several tables, and how proxies stand over all of them: by the worst table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evonas.tables.correlate import Correlation


@dataclass(frozen=True)
class Standing:
    """A proxy over all tables; None if it has no correlation with one of them."""

    lowest: float | None
    table: str | None  # where it is lowest
    mean: float | None
    by_table: Mapping[str, float | None]

    @classmethod
    def of(cls, by_table: Mapping[str, float | None]) -> Standing:
        """The standing of a proxy with these correlations."""
        known = {table: rho for table, rho in by_table.items() if rho is not None}
        if len(known) < len(by_table):
            return cls(None, next(table for table in by_table if table not in known), None, by_table)
        table = min(known, key=known.__getitem__)
        return cls(known[table], table, float(np.mean(list(known.values()))), by_table)


@dataclass(frozen=True)
class Correlations:
    """The correlations of the same proxies with several tables, by the names of the tables."""

    tables: Mapping[str, Correlation]

    @classmethod
    def of(cls, results: Sequence[Correlation]) -> Correlations:
        """Named by path; the second one with the same path, such as at another network size, is ``PATH (2)``."""
        found: dict[str, Correlation] = {}
        for result in results:
            path = result.path
            number = 1 + sum(other.path == path for other in found.values())
            found[path if number == 1 else f"{path} ({number})"] = result
        return cls(found)

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that every table has."""
        first, *others = self.tables.values()
        return tuple(name for name in first.target if all(name in other.target for other in others))

    @property
    def standings(self) -> dict[str, Standing]:
        """Proxies from the best worst table to the worst.

        The rho of a table is the mean over the targets that all tables share, or over its own if they share none.
        """
        names = next(iter(self.tables.values())).spearman
        found = {
            name: Standing.of({table: self._rho(one, name) for table, one in self.tables.items()})
            for name in names
        }
        order = sorted(found, key=lambda name: -2.0 if (low := found[name].lowest) is None else low, reverse=True)
        return {name: found[name] for name in order}

    def _rho(self, result: Correlation, name: str) -> float | None:
        if not self.targets:
            return result.average[name]
        values = [result.spearman[name][target] for target in self.targets]
        return None if None in values else float(np.mean(values))

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``evonas correlate --json`` for several tables."""
        return {
            "tables": {table: result.as_dict() for table, result in self.tables.items()},
            "summary": {
                "target": list(self.targets),
                "proxies": {
                    name: {
                        "lowest": one.lowest,
                        "table": one.table,
                        "mean": one.mean,
                        "spearman": dict(one.by_table),
                    }
                    for name, one in self.standings.items()
                },
            },
        }
