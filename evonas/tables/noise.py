"""How far retrainings of one architecture differ by a target."""

from __future__ import annotations

import dataclasses
from statistics import fmean

from evonas.data.tables.table import Table
from evonas.data.tables.trainings import Noise
from evonas.tables.targets import Target


def noise_of(target: Target, table: Table) -> Noise | None:
    """The noise of a target between retrainings, accuracies as fractions; None in a table without retrainings.

    The ceiling of a target whose correlation is a mean over columns is the mean of their ceilings.
    """
    if table.trainings is None:
        return None
    every = dataclasses.replace(table, columns=dict(table.trainings.columns))
    found = table.trainings.noise(target.accuracies(every))
    if found is None or target.averaged or len(target.columns) == 1:
        return found
    single = [table.trainings.noise(every.columns[name]) for name in target.columns]
    return found._replace(ceiling=fmean(found.ceiling if one is None else one.ceiling for one in single))
