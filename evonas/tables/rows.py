"""The CSV file of correlations: one row per architecture with its scores and its targets."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evonas.core.atomic_files import replace_text
from evonas.tables.correlate import Correlation
from evonas.tables.several import Correlations


def write_rows(results: Sequence[Correlation], path: str | Path) -> None:
    """Replace ``path``; scores without a value are empty, targets as in `Correlation.accuracies`.

    The rows of several correlations begin with the name of their table; targets that it lacks are empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    targets = list(dict.fromkeys(name for result in results for name in result.target))
    names, several = Correlations.of(results).tables, len(results) > 1
    writer.writerow([*(["table"] if several else []), "genotype", *targets, *results[0].scores])
    for table, result in names.items():
        absent = np.full(result.n, np.nan)
        columns = [*(result.accuracies.get(name, absent) for name in targets), *result.scores.values()]
        for i, genotype in enumerate(result.genotypes):
            numbers = [float(column[i]) for column in columns]
            cells = ["" if math.isnan(number) else repr(number) for number in numbers]
            writer.writerow([*([table] if several else []), genotype, *cells])
    replace_text(Path(path), text.getvalue())
