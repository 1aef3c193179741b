"""What a finished table says: accuracies, and how much of them is noise between retrainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evonas.data.tables.table import read_table
from evonas.data.tables.trainings import Noise
from evonas.tables.latencies import Measured
from evonas.tables.noise import noise_of
from evonas.tables.targets import targets
from spaces import Space

GROUPING = "standard"  # of corruptions, that of CIFAR-10-C


@dataclass(frozen=True)
class Column:
    """One target over the architectures of a table, accuracies as fractions."""

    mean: float
    lowest: float
    highest: float
    noise: Noise | None  # None without retrainings

    def as_dict(self) -> dict[str, float | None]:
        """The entry of the JSON document."""
        noise = dict.fromkeys(Noise._fields) if self.noise is None else self.noise._asdict()
        return {"mean": self.mean, "min": self.lowest, "max": self.highest, **noise}


@dataclass(frozen=True)
class Tabulation:
    """A finished table, or a finished ``shard`` of one, without a table and accuracies."""

    table: Path
    sidecar: Path
    genotypes: int
    trainings: int
    failed: Mapping[str, int]  # trainings by reason
    seconds: float  # computing time of all trainings
    accuracies: Mapping[str, Column]  # by target
    shard: str | None = None  # I/N
    latencies: Mapping[str, Column] = field(default_factory=dict)  # by column, in milliseconds

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``evonas tabulate --json``."""
        return {
            "table": str(self.table),
            "sidecar": str(self.sidecar),
            "shard": self.shard,
            "genotypes": self.genotypes,
            "trainings": self.trainings,
            "failed": dict(self.failed),
            "seconds": self.seconds,
            "accuracies": {name: column.as_dict() for name, column in self.accuracies.items()},
            **({"latencies": _ranges(self.latencies)} if self.latencies else {}),
        }


def _ranges(columns: Mapping[str, Column]) -> dict[str, dict[str, float]]:
    return {name: {"mean": one.mean, "min": one.lowest, "max": one.highest} for name, one in columns.items()}


def latencies(measured: Sequence[Measured]) -> dict[str, Column]:
    """Medians and 95th percentiles over the networks, by column."""
    found = {}
    for one in measured:
        timings = np.array([row.timing for row in one.rows.values() if row.timing is not None])  # (networks, 2)
        for i, name in enumerate(one.columns if len(timings) else ()):
            found[name] = Column(*_range(timings[:, i]), None)
    return found


def accuracies(path: Path, space: Space) -> dict[str, Column]:
    """The targets of the table at ``path``: clean, attacks, groups of corruptions, and the means of both."""
    table = read_table(path, space)
    names = [target.name for target in targets(table, grouping=GROUPING)]
    if any(name.endswith(".s1") for name in table.columns):
        names.append("corruptions")
    if sum("@" in name for name in table.columns) > 1:
        names.append("attacks")
    found = {}
    for target in targets(table, names, GROUPING):
        found[target.name] = Column(*_range(target.accuracies(table)), noise_of(target, table))
    return found


def _range(values: Any) -> tuple[float, float, float]:
    return float(np.nanmean(values)), float(np.nanmin(values)), float(np.nanmax(values))
