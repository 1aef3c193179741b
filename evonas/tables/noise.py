"""How far retrainings of one architecture differ by a target."""

from __future__ import annotations

import dataclasses

from evonas.data.tables.table import Table
from evonas.data.tables.trainings import Noise
from evonas.tables.targets import Target


def noise_of(target: Target, table: Table) -> Noise | None:
    """The noise of a target between retrainings, accuracies as fractions; None in a table without retrainings."""
    if table.trainings is None:
        return None
    every = dataclasses.replace(table, columns=dict(table.trainings.columns))
    return table.trainings.noise(target.accuracies(every))
