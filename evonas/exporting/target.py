"""Exports a checkpoint, or a run whose training is finished."""

from __future__ import annotations

from pathlib import Path

from evonas.core.shell import command
from evonas.evaluation.target import BEST, Target, locate
from evonas.store.headline import require_pick
from evonas.store.queries import DATABASE
from evonas.store.run import Run
from evonas.training import checkpoint
from evonas.training.paths import DIRECTORY, RESULT
from evonas.training.standings import JOURNAL
from spaces.errors import UsageError, shorten


def exported_from(target: Path) -> Target:
    """The checkpoint to export. Raises `UsageError` with the command to run first."""
    place = locate(target, "export")
    if not target.is_dir() or place.checkpoint.parent == target:
        return place
    if not (target / DIRECTORY / RESULT).is_file():
        raise UsageError(f"the training in {target} is not finished; continue it with: {command('train', target)}")
    if (target / DATABASE).is_file() and not (target / JOURNAL).is_file():
        _require_winner(target, place.checkpoint)
    return place


def member_of(run: Path, pick: str) -> Target:
    """The trained network of the member of the front of ``run`` that ``pick`` names.

    It is in train/ or, where another headline was trained since, in train.1/ or a later one. Raises `UsageError`
    with the command to run first.
    """
    if not (run / DATABASE).is_file():
        raise UsageError(f"--pick is for the front of a search, and {shorten(str(run), 300)} is not one")
    with Run.read(run) as store:
        require_pick(pick, store.objectives)
        member = store.best(pick)
    finished = [place for place in (run / DIRECTORY, *run.glob(f"{DIRECTORY}.*")) if (place / RESULT).is_file()]
    genotype = None if member is None else str(member.genotype)
    for directory in finished:
        trained = directory / BEST.name
        if checkpoint.header_of(trained).settings.genotype == genotype:
            files = run if directory.name == DIRECTORY else directory
            return Target(trained, files / "evaluation.json", files / "evaluation.db")
    train = command("train", run, "--pick", pick)
    raise UsageError(f"the network that --pick {pick} names is not trained; train it with: {train}")


def _require_winner(run: Path, trained: Path) -> None:
    """Checks that a resumed search has not found a better genotype since."""
    genotype = checkpoint.load(trained).genotype
    with Run.read(run) as store:
        best = store.best()
    if best is not None and str(best.genotype) != genotype:
        raise UsageError(
            f"the network in {trained.parent} does not have the best genotype of {run}. Train that with: "
            f"{command('train', run)}, or export this network with: {command('export', trained)}"
        )
