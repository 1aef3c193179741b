"""The CSV file of a correlation: one row per architecture with its scores and its targets."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from evonas.core.atomic_files import replace_text
from evonas.tables.correlate import Correlation


def write_rows(result: Correlation, path: str | Path) -> None:
    """Replace ``path``; scores without a value are empty, targets as in `Correlation.accuracies`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [*(result.accuracies[name] for name in result.target), *result.scores.values()]
    writer.writerow(["genotype", *result.target, *result.scores])
    for i, genotype in enumerate(result.genotypes):
        numbers = [float(column[i]) for column in columns]
        writer.writerow([genotype, *("" if math.isnan(number) else repr(number) for number in numbers)])
    replace_text(Path(path), text.getvalue())
