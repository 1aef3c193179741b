"""Takes trainings over that other runs and tables have finished in the same way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from evonas.controls.group import DIRECTORY, JOURNAL
from evonas.controls.winner import Winner
from evonas.core.files import exists
from evonas.tabulating.job import Job, Outcome
from evonas.tabulating.journal import TrainingFile
from evonas.tabulating.place import SUFFIX, Place
from spaces.errors import UsageError, shorten


def journal_of(source: Path) -> Path:
    """The finished trainings of the controls of a run or of a table. Raises `UsageError` if there are none."""
    path = (
        Place(source).journal if source.suffix == SUFFIX and not source.is_dir() else source / DIRECTORY / JOURNAL
    )
    if not exists(path):
        raise UsageError(
            f"--reuse {shorten(str(source), 300)} has no finished trainings: name a run with controls, or a table "
            "next to its .trainings"
        )
    return path


def reused(winner: Winner, sources: Sequence[Path], wanted: Collection[Job]) -> dict[Job, Outcome]:
    """Those of ``wanted`` that one of ``sources`` has finished.

    A training depends on genotype, seed and conditions alone. Raises `UsageError` for a source whose conditions
    are not those of ``winner``.
    """
    found: dict[Job, Outcome] = {}
    for source in sources:
        with TrainingFile(journal_of(source)) as kept:
            if kept.empty:
                continue
            winner.conditions.require(kept.identity, str(source), "leave it out of --reuse")
            known = kept.known(winner.conditions.columns)
        found |= {job: known[job] for job in wanted if job in known and job not in found}
    return found
