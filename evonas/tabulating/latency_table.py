"""A table of latencies of random genotypes, for a model of the latency; nothing is trained."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from evonas.core.atomic_files import make_directory, replace_text
from evonas.core.events import Observer
from evonas.core.files import exists, write_json
from evonas.core.locks import held
from evonas.core.provenance import versions
from evonas.core.signals import REPEAT, resumable
from evonas.core.version import __version__
from evonas.searching.resolve import resolve_scoring
from evonas.searching.task import task_of
from evonas.store.settings import SearchSettings
from evonas.tables.latencies import Latencies, LatencyFile, Measured
from evonas.tabulating.place import Place
from evonas.tabulating.plan import OF_VERSIONS
from evonas.tabulating.sample import sample
from evonas.tabulating.settings import TabulateSettings
from evonas.tabulating.written import GENOTYPE, about
from fitness import Task
from spaces import spaces
from spaces.errors import UsageError
from spaces.size import CIFAR

ADVICE = "measured latencies are kept. Free disk space and repeat the command"
SIZES = ("space", "dataset", "channels", "layers", "image_size")


def measure_table(out: Path, settings: TabulateSettings, observer: Observer) -> str:
    """Measure the genotypes of ``settings``, write the CSV file ``out`` and a JSON file next to it.

    Returns the column of the first latency. What was measured is kept next to the table, also after an
    interruption. Raises `UsageError` for a file that something else wrote and for a latency that cannot be
    measured here.
    """
    if not settings.latency:
        raise UsageError("--measure needs --latency, such as --latency torch")
    place, kept_at = Place(out), out.with_suffix(".latencies.db")
    for path in (place.table, place.sidecar):
        if exists(path) and not exists(kept_at):
            raise UsageError(f"{path} exists, and {kept_at} does not have its latencies; choose another TABLE")
    resolved = resolve_scoring(settings.search())
    task = task_of(resolved, None)
    genotypes = {str(genotype): genotype for genotype in sample(settings, resolved)}
    make_directory(out.parent)
    with held(out.parent, out.stem, leave_nothing=True), LatencyFile(kept_at) as kept, resumable(REPEAT):
        timed = Latencies(kept, settings.latencies, genotypes, task)
        timed.prepare(observer)
        measured = timed.measure(observer)
        _write(place, resolved, settings, task, genotypes, measured)
    return measured[0].columns[0]


def _write(
    place: Place,
    resolved: SearchSettings,
    settings: TabulateSettings,
    task: Task,
    genotypes: Mapping[str, Any],
    measured: Sequence[Measured],
) -> None:
    space, lines = spaces[settings.space], StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([GENOTYPE, "params", "flops", *(name for one in measured for name in one.columns)])
    for text, genotype in genotypes.items():
        sizes = [space.params(genotype, task.size), space.flops(genotype, task.size)]
        writer.writerow([text, *sizes, *(cell for one in measured for cell in one.cells(text))])
    text = lines.getvalue()
    replace_text(place.table, text, ADVICE)
    stem = {} if resolved.stem == CIFAR else {"stem": resolved.stem}
    content = {
        "table": place.table.name,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "genotypes": len(genotypes),
        "sample": settings.of_sample,
        "max_params": settings.max_params,
        "dataset": resolved.dataset,
        "training": {name: getattr(resolved, name) for name in SIZES} | stem,  # of networks that are not trained
        "versions": {"evonas": __version__} | {name: versions()[name] for name in OF_VERSIONS},
        "latency": about(measured),
    }
    write_json(place.sidecar, content, ADVICE)
