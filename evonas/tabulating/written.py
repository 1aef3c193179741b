"""The CSV file of a table, and the JSON file that says where its numbers come from."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping
from io import StringIO
from typing import Any

from evonas.core.atomic_files import replace_text
from evonas.core.files import write_json
from evonas.core.provenance import machine
from evonas.data.tables.trainings import SEED
from evonas.tabulating.job import SAVED, Job, Outcome
from evonas.tabulating.place import Place
from evonas.tabulating.plan import Plan

GENOTYPE, FAILED = "genotype", "failed"
DIGITS = 6  # of an accuracy as a fraction
ADVICE = f"{SAVED}. Free disk space and repeat the command"


def write(place: Place, plan: Plan, outcomes: Mapping[Job, Outcome]) -> str:
    """Write both files, each as a whole; their bytes depend on plan and outcomes only, not on times.

    Returns the SHA-256 of the CSV file.
    """
    text = csv_of(plan, outcomes)
    digest = hashlib.sha256(text.encode()).hexdigest()
    replace_text(place.table, text, ADVICE)
    write_json(place.sidecar, _sidecar(place, plan, outcomes, digest), ADVICE)
    return digest


def csv_of(plan: Plan, outcomes: Mapping[Job, Outcome]) -> str:
    """A row per training, accuracies as fractions; those of a failed one are empty, and its reason is given."""
    columns = plan.columns
    lines = StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([GENOTYPE, SEED, "params", "flops", *columns, FAILED])
    for job in plan.jobs:
        outcome = outcomes[job]
        cells = [f"{outcome.values[name]:.{DIGITS}f}" if outcome.values else "" for name in columns]
        sizes = [plan.params[job.genotype], plan.flops[job.genotype]]
        writer.writerow([job.genotype, job.seed, *sizes, *cells, outcome.reason])
    return lines.getvalue()


def failures(outcomes: Mapping[Job, Outcome]) -> dict[str, int]:
    """How many trainings failed, by reason."""
    return dict(Counter(outcome.reason for outcome in outcomes.values() if outcome.reason))


def _sidecar(place: Place, plan: Plan, outcomes: Mapping[Job, Outcome], digest: str) -> dict[str, Any]:
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
    }
