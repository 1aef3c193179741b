"""Checks that controls follow from the seed of a run, and their comparison from the finished trainings."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from evonas.controls.control import (
    CONTROL,
    NOT_FINISHED,
    comparison,
    group_of,
    jobs_of,
    table_of,
)
from evonas.controls.group import DIRECTORY, JOURNAL
from evonas.controls.winner import Winner
from evonas.core.files import read_json
from evonas.evaluation.columns import ATTACKS
from evonas.evaluation.controls import FILE, TABLE, Comparison, controls_in
from evonas.tabulating.job import Job, Outcome
from evonas.tabulating.journal import TrainingFile
from evonas.tabulating.plan import columns_for
from evonas.verification.finding import Finding, judged
from spaces.errors import EvonasError

PART = "controls"


def controlled(run: Path) -> list[Finding]:
    """The checks of a control group; none where there is no comparison."""
    try:
        found = controls_in(run)
        return [] if found is None else _checks(run, found)
    except EvonasError as error:
        return [judged(PART, FILE, str(error), "")]


def _checks(run: Path, found: Comparison) -> list[Finding]:
    winner = Winner.of(run)
    genotypes = group_of(winner, len(found.group))
    drawn = [one.genotype for one in found.group] == [*genotypes]
    wrong = None if drawn else "the genotypes are not those that the seed of the run draws"
    findings = [judged(PART, "genotypes", wrong, f"{len(found.group)} drawn again by the seed")]
    if not drawn:
        return findings
    jobs = jobs_of(winner, genotypes, found.trainings)
    known = _journalled(run / DIRECTORY / JOURNAL, columns_for(winner.measured))
    reasons = {Job(one.genotype, int(seed)): why for one in found.group for seed, why in one.failed.items()}
    lost = {job: Outcome(job, {}, reasons.get(job, NOT_FINISHED)) for job in jobs if job not in known}
    outcomes = {job: known[job] for job in jobs if job in known} | lost
    again = comparison(winner, genotypes, found.trainings, outcomes)
    wrong = (
        None
        if _of_version(again, found).as_json() == read_json(run / FILE)
        else f"it does not follow from {DIRECTORY}/{JOURNAL}"
    )
    findings.append(judged(PART, FILE, wrong, f"it follows from {len(jobs) - len(lost)} finished trainings"))
    return [*findings, _table(run, table_of(winner, [], jobs, outcomes))]


def _of_version(again: Comparison, found: Comparison) -> Comparison:
    """Without the mean over attacks if ``found`` is of a version that did not have it."""
    if ATTACKS in found.columns:
        return again
    return replace(again, columns={name: one for name, one in again.columns.items() if name != ATTACKS})


def _journalled(path: Path, columns: list[str]) -> dict[Job, Outcome]:
    """The finished trainings, read from a copy, because opening the file may change it."""
    with TemporaryDirectory(prefix="evonas-") as place:
        for file in path.parent.glob(f"{path.name}*"):
            shutil.copy(file, place)
        with TrainingFile(Path(place) / path.name) as kept:
            return kept.known(columns)


def _table(run: Path, expected: str) -> Finding:
    try:
        lines = (run / TABLE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        return judged(PART, TABLE, str(error), "")
    first, rows = lines[:1], [line for line in lines[1:] if f",{CONTROL}," in line]
    wrong = None if [*first, *rows] == expected.splitlines() else f"it does not follow from {DIRECTORY}/{JOURNAL}"
    return judged(PART, TABLE, wrong, f"{len(rows)} rows of controls follow from the finished trainings")
