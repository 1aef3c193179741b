"""Accuracies as the results of benchmarks that a model hub has registered: a file in ``.eval_results``.

Specification: https://huggingface.co/docs/hub/eval-results
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from evonas.evaluation.columns import columns_of, summarised
from evonas.evaluation.result import Evaluation
from evonas.exporting.front_matter import sequence
from spaces.errors import UsageError, shorten
from spaces.registry import closest

FILE = Path(".eval_results") / "evonas.yaml"


class Benchmark(NamedTuple):
    """A task of a data set on a hub, and the accuracy that is its result."""

    dataset: str
    task: str
    column: str

    @classmethod
    def parse(cls, text: str) -> Benchmark:
        """A benchmark as DATASET:TASK=COLUMN. Raises `UsageError` for anything else."""
        place, equals, column = text.partition("=")
        dataset, colon, task = place.partition(":")
        if not (equals and colon and dataset and task and column):
            raise UsageError(
                "--benchmark must be DATASET:TASK=COLUMN, such as org/cifar10:linf=pgd@Linf.eps8, not "
                f"{shorten(text)}"
            )
        return cls(dataset, task, column)


def eval_results(benchmarks: Sequence[Benchmark], found: Evaluation | None) -> str:
    """The file, accuracies in percent. Raises `UsageError` for a column that was not evaluated."""
    if found is None:
        raise UsageError("--benchmark needs an evaluation of these weights; run evonas evaluate first")
    columns = columns_of(found)
    values = columns | summarised(columns)
    entries = []
    for dataset, task, column in benchmarks:
        if column not in values:
            raise UsageError(f"{shorten(column)} was not evaluated; {closest(column, [*values])}")
        notes = f"{column}, {found.clean.n} test images, evaluated by evonas"
        identity = {"id": dataset, "task_id": task}
        entries.append({"dataset": identity, "value": round(100 * values[column], 4), "notes": notes})
    return "\n".join(sequence(entries)) + "\n"
