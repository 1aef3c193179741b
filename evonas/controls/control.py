"""Trains random genotypes of the size of a winner like the winner, and compares them with it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from evonas.controls.group import DIRECTORY, JOURNAL, draw
from evonas.controls.reuse import reused
from evonas.controls.statistics import column
from evonas.controls.winner import Winner
from evonas.core.atomic_files import make_directory, replace_text
from evonas.core.events import Closed, Message, Observer
from evonas.core.files import write_json
from evonas.core.locks import held
from evonas.core.shell import command, resuming
from evonas.core.signals import Interrupted, resumable
from evonas.data.tables.trainings import SEED
from evonas.engine import Engine, InProcess
from evonas.evaluation.columns import summarised, with_attacks
from evonas.evaluation.controls import FILE, TABLE, Comparison, Control
from evonas.tabulating.estimate import estimate
from evonas.tabulating.job import Job, Outcome
from evonas.tabulating.journal import TrainingFile
from evonas.tabulating.plan import columns_for
from evonas.tabulating.trainer import Trainer
from evonas.tabulating.work import Work
from evonas.tabulating.written import DIGITS, FAILED, GENOTYPE

ROLE, WINNER, CONTROL = "role", "winner", "control"
NOT_FINISHED = "not finished"


def control(
    run: Path,
    count: int,
    trainings: int,
    observer: Observer,
    engine: Engine | None,
    reuse: Sequence[Path] = (),
) -> Comparison:
    """Compare the evaluated winner of ``run`` with ``count`` controls, each trained ``trainings`` times.

    Finished trainings are kept in the run, and controls.json and controls.csv are written from them. A larger
    number trains only what is missing, and what the runs and tables of ``reuse`` have finished in the same way is
    not trained again. A training that fails is a row with a reason. Raises `UsageError` if the
    space has too few genotypes of that size or if the winner was trained or evaluated in another way before,
    `EvonasError` for a full disk, `Interrupted` after SIGINT or SIGTERM.
    """
    winner = Winner.of(run)
    genotypes = group_of(winner, count)
    jobs = jobs_of(winner, genotypes, trainings)
    work = run / DIRECTORY
    make_directory(work)
    more = [part for one in reuse for part in ("--reuse", str(one))]
    advice = f"Resume with: {command('resume', run, *more)}"
    with held(work), TrainingFile(work / JOURNAL) as kept, resumable(advice):
        try:
            outcomes = _trained(winner, work, kept, jobs, observer, engine, reuse)
        except Interrupted:
            raise Interrupted(f"interrupted; finished work is saved. {advice}") from None
        finally:
            observer(Closed())
    found = comparison(winner, genotypes, trainings, outcomes)
    _write(winner, found, jobs, outcomes)
    return found


def group_of(winner: Winner, count: int) -> dict[str, Any]:
    """The controls by their texts, drawn by the seed of the run."""
    settings = winner.settings
    drawn = draw(winner.space, winner.genotype, settings.size, count, settings.seed)
    return {str(genotype): genotype for genotype in drawn}


def jobs_of(winner: Winner, genotypes: Mapping[str, Any], trainings: int) -> list[Job]:
    """Every control with the seeds of the winner."""
    first = winner.settings.seed
    return [Job(text, first + number) for text in genotypes for number in range(trainings)]


def _trained(
    winner: Winner,
    work: Path,
    kept: TrainingFile,
    jobs: Sequence[Job],
    observer: Observer,
    engine: Engine | None,
    reuse: Sequence[Path],
) -> dict[Job, Outcome]:
    known = known_of(winner, kept)
    outcomes = {job: known[job] for job in jobs if job in known}
    taken = reused(winner, reuse, [job for job in jobs if job not in known])
    for outcome in taken.values():
        kept.add(outcome)
    if reuse:
        observer(
            Message(
                f"{len(taken)} of {len(jobs)} trainings of controls are taken from {', '.join(map(str, reuse))}"
            )
        )
    outcomes |= taken
    missing = [job for job in jobs if job not in outcomes]
    if not missing:
        return outcomes
    engine = InProcess() if engine is None else engine.patient()
    conditions, size = winner.conditions, winner.settings.size
    place = work.absolute() if engine.shares_files else None
    training, evaluation = conditions.training, conditions.evaluation
    trainer = Trainer(str(work), training, evaluation, conditions.data.identity, place, observer)
    space = winner.space
    flops = {job.genotype: space.flops(space.parse(job.genotype), size) for job in missing}

    def keep(outcome: Outcome) -> None:
        kept.add(outcome)
        trainer.discard(outcome.job)
        outcomes[outcome.job] = outcome

    count = len({job.genotype for job in jobs})
    left = Work(str(work), count, len(jobs), missing, estimate(trainer, missing, flops))
    left.do(trainer, engine, training.device, observer, keep)
    return outcomes


def known_of(winner: Winner, kept: TrainingFile) -> dict[Job, Outcome]:
    """The finished trainings of the run. Raises `UsageError` unless they are those of this winner."""
    conditions = winner.conditions
    if kept.empty:
        kept.begin(conditions.identity)
        return {}
    again = f"evaluate its winner in the same way, or remove {winner.run / DIRECTORY}"
    conditions.require(kept.identity, f"the control group of {winner.run}", again)
    return kept.known(conditions.columns)


def comparison(
    winner: Winner, genotypes: Mapping[str, Any], trainings: int, outcomes: Mapping[Job, Outcome]
) -> Comparison:
    """The result of finished and failed trainings."""
    space, size, first = winner.space, winner.settings.size, winner.settings.seed
    group, rows = [], []
    for text, genotype in genotypes.items():
        seeds = [first + number for number in range(trainings)]
        found = {seed: outcomes.get(Job(text, seed), Outcome(Job(text, seed), {}, NOT_FINISHED)) for seed in seeds}
        finished = [seed for seed in seeds if found[seed].values]
        failed = {str(seed): found[seed].reason for seed in seeds if not found[seed].values}
        group.append(Control(text, space.params(genotype, size), finished, failed))
        rows.append([with_attacks(summarised(found[seed].values)) for seed in finished])
    columns = {
        name: column(values, [[one[name] for one in each] for each in rows if each])
        for name, values in winner.columns.items()
    }
    return Comparison(winner.settings.genotype, winner.params, winner.seeds, trainings, tuple(group), columns)


def _write(winner: Winner, found: Comparison, jobs: Sequence[Job], outcomes: Mapping[Job, Outcome]) -> None:
    advice = resuming(winner.run)
    replace_text(winner.run / TABLE, table_of(winner, winner.rows(), jobs, outcomes), advice)
    write_json(winner.run / FILE, found.as_json(), advice)


def table_of(
    winner: Winner, rows: Sequence[Mapping[str, float]], jobs: Sequence[Job], outcomes: Mapping[Job, Outcome]
) -> str:
    """A table as ``evonas tabulate`` writes it, with the winner and a column that says what a row is.

    ``rows`` are the accuracies of the trainings of the winner.
    """
    columns, space, settings = columns_for(winner.measured), winner.space, winner.settings
    lines = StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([GENOTYPE, SEED, ROLE, "params", "flops", *columns, FAILED])
    text = str(space.canonical(winner.genotype))
    for seed, values in zip(winner.seeds, rows, strict=False):
        writer.writerow([text, seed, WINNER, winner.params, winner.flops, *_cells(columns, values), ""])
    for job in jobs:
        genotype = space.parse(job.genotype)
        sizes = [space.params(genotype, settings.size), space.flops(genotype, settings.size)]
        outcome = outcomes.get(job, Outcome(job, {}, NOT_FINISHED))
        writer.writerow([*job, CONTROL, *sizes, *_cells(columns, outcome.values), outcome.reason])
    return lines.getvalue()


def _cells(columns: Sequence[str], values: Mapping[str, float]) -> list[str]:
    return [f"{values[name]:.{DIGITS}f}" if name in values else "" for name in columns]
