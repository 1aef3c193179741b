"""The CSV file of a table, and the JSON file that says where its numbers come from."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from evonas.core.atomic_files import replace_text
from evonas.core.files import write_json
from evonas.core.provenance import machine
from evonas.data.tables.trainings import SEED
from evonas.tables.latencies import Measured
from evonas.tabulating.job import SAVED, Job, Outcome
from evonas.tabulating.place import Place
from evonas.tabulating.plan import Plan

GENOTYPE, FAILED = "genotype", "failed"
DIGITS = 6  # of an accuracy as a fraction
ADVICE = f"{SAVED}. Free disk space and repeat the command"


def write(place: Place, plan: Plan, outcomes: Mapping[Job, Outcome], latencies: Sequence[Measured] = ()) -> str:
    """Write both files, each as a whole; their bytes depend on the arguments only, not on times.

    Returns the SHA-256 of the CSV file.
    """
    text = csv_of(plan, outcomes, latencies)
    digest = hashlib.sha256(text.encode()).hexdigest()
    replace_text(place.table, text, ADVICE)
    write_json(place.sidecar, _sidecar(place, plan, outcomes, digest, latencies), ADVICE)
    return digest


def csv_of(plan: Plan, outcomes: Mapping[Job, Outcome], latencies: Sequence[Measured] = ()) -> str:
    """A row per training, accuracies as fractions; those of a failed one are empty, and its reason is given."""
    columns, timed = plan.columns, [name for one in latencies for name in one.columns]
    lines = StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([GENOTYPE, SEED, "params", "flops", *columns, *timed, FAILED])
    for job in plan.jobs:
        outcome = outcomes[job]
        cells = [f"{outcome.values[name]:.{DIGITS}f}" if outcome.values else "" for name in columns]
        sizes = [plan.params[job.genotype], plan.flops[job.genotype]]
        cells += [cell for one in latencies for cell in one.cells(job.genotype)]
        writer.writerow([job.genotype, job.seed, *sizes, *cells, outcome.reason])
    return lines.getvalue()


def failures(outcomes: Mapping[Job, Outcome]) -> dict[str, int]:
    """How many trainings failed, by reason."""
    return dict(Counter(outcome.reason for outcome in outcomes.values() if outcome.reason))


def _sidecar(
    place: Place, plan: Plan, outcomes: Mapping[Job, Outcome], digest: str, latencies: Sequence[Measured]
) -> dict[str, Any]:
    here = machine(plan.training.device, plan.training.precision)
    return {
        "table": place.table.name,
        "sha256": digest,
        "genotypes": len(plan.params),
        "trainings": len(plan.jobs),
        "failed": failures(outcomes),
        "unit": "fraction",
        "sample": plan.settings.of_sample,
        "max_params": plan.settings.max_params,
        "dataset": plan.settings.dataset,
        "recipe": plan.settings.recipe,
        **plan.identity,
        "machine": {**here, "threads": 1 if plan.training.device == "cpu" else here["threads"]},
        **({"latency": about(latencies)} if latencies else {}),
    }


def about(latencies: Sequence[Measured]) -> dict[str, Any]:
    """What was measured where, by column, as JSON."""
    return {one.columns[0]: {**one.about, "unit": "ms", "failed": one.failed} for one in latencies}
