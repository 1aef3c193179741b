"""Trains and evaluates a sample of a space, and writes the table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from evonas.core.atomic_files import make_directory
from evonas.core.events import Closed, Observer
from evonas.core.files import write_json
from evonas.core.locks import held
from evonas.core.signals import REPEAT, resumable
from evonas.engine import Engine, InProcess
from evonas.tables.latencies import Latencies, LatencyFile
from evonas.tabulating.croissant import croissant
from evonas.tabulating.estimate import estimate
from evonas.tabulating.job import Job, Outcome
from evonas.tabulating.journal import TrainingFile
from evonas.tabulating.place import Place
from evonas.tabulating.plan import Plan, plan_of
from evonas.tabulating.settings import TabulateSettings
from evonas.tabulating.shard import Shard, begun, join
from evonas.tabulating.summary import Tabulation, accuracies, latencies
from evonas.tabulating.trainer import Trainer
from evonas.tabulating.work import Work
from evonas.tabulating.written import ADVICE, failures, write
from fitness import Task
from spaces import spaces
from spaces.errors import EvonasError


def tabulate(
    out: Path,
    settings: TabulateSettings,
    observer: Observer,
    engine: Engine | None = None,
    shard: Shard | None = None,
    described: bool = False,
) -> Tabulation:
    """Train and evaluate what the table ``out`` lacks, on ``engine``, by default in this process; then write it.

    A ``shard`` trains its part only and writes no table; without one, what shards have finished is joined first.
    ``described`` also writes the description of the table in Croissant.

    Latencies are measured after the trainings, one at a time, by a call without a shard.

    A training that fails is a row with a reason. Raises `UsageError` for invalid settings and for a table that was
    begun with others, `EvonasError` for a full disk and if every training failed, `Interrupted` after SIGINT or
    SIGTERM; every finished training is kept, and repeating the call continues.
    """
    place, plan = Place(out), plan_of(settings, observer)
    place.prepare()
    engine = InProcess() if engine is None else engine
    if shard is not None:
        return _shard(place, plan, shard, observer, engine)
    with (
        held(place.work),
        TrainingFile(place.journal) as kept,
        _latencies(place, plan) as timed,
        resumable(REPEAT),
    ):
        known = _known(place, plan, kept) | join(place, plan, kept)
        if timed is not None:  # before the trainings, which take long
            timed.prepare(observer)
        try:
            outcomes = _trained(place, plan, kept, known, observer, engine)
        finally:
            observer(Closed())
        if not any(outcome.values for outcome in outcomes.values()):
            reasons = "; ".join(f"{reason} ({count})" for reason, count in failures(outcomes).items())
            raise EvonasError(f"every training failed, so {out} was not written: {reasons}")
        measured = () if timed is None else timed.measure(observer)
        digest = write(place, plan, outcomes, measured)
        if described:
            write_json(place.croissant, croissant(place, plan, digest), ADVICE)
        place.tidy()
    return Tabulation(
        place.table,
        place.sidecar,
        len(plan.params),
        len(plan.jobs),
        failures(outcomes),
        sum(outcome.seconds for outcome in outcomes.values()),
        accuracies(place.table, spaces[settings.space]),
        latencies=latencies(measured),
    )


@contextmanager
def _latencies(place: Place, plan: Plan) -> Iterator[Latencies | None]:
    """The latencies of a table; None if it has none."""
    if not plan.settings.latency:
        yield None
        return
    space, training = spaces[plan.settings.space], plan.training
    with LatencyFile(place.latencies) as kept:
        genotypes = {text: space.parse(text) for text in plan.params}
        task = Task(space, training.size, plan.settings.seed, device=training.device)
        yield Latencies(kept, plan.settings.latencies, genotypes, task)


def _shard(place: Place, plan: Plan, shard: Shard, observer: Observer, engine: Engine) -> Tabulation:
    """The trainings of ``shard`` that the table does not have."""
    part = replace(place, shard=shard.directory)
    done = begun(place, plan)
    jobs = tuple(job for job in shard.part(plan.jobs) if job not in done)
    mine = replace(plan, jobs=jobs)
    make_directory(part.work)
    with held(part.work), TrainingFile(part.journal) as kept, resumable(REPEAT):
        known = {job: outcome for job, outcome in _known(part, plan, kept).items() if job in {*jobs}}
        try:
            outcomes = _trained(part, mine, kept, known, observer, engine)
        finally:
            observer(Closed())
    return Tabulation(
        place.table,
        place.sidecar,
        len({job.genotype for job in jobs}),
        len(jobs),
        failures(outcomes),
        sum(outcome.seconds for outcome in outcomes.values()),
        {},
        str(shard),
    )


def _known(place: Place, plan: Plan, kept: TrainingFile) -> dict[Job, Outcome]:
    """The finished trainings. Raises `UsageError` if some of them do not belong to the plan."""
    identity = kept.identity
    if kept.empty:
        if identity != plan.identity:
            place.tidy()
            kept.begin(plan.identity)
        return {}
    plan.require(identity, str(place.table))
    found = kept.known(plan.columns)
    plan.require_jobs(found, str(place.table))
    for job in found:  # of a process that was killed at that moment
        place.remove(job)
    return found


def _trained(
    place: Place,
    plan: Plan,
    kept: TrainingFile,
    known: dict[Job, Outcome],
    observer: Observer,
    engine: Engine,
) -> dict[Job, Outcome]:
    """``known`` and the missing outcomes; each is stored as soon as it arrives."""
    outcomes = dict(known)
    missing = [job for job in plan.jobs if job not in known]
    if not missing:
        return outcomes
    work = place.work.absolute() if engine.shares_files else None
    trainer = Trainer(str(place.table), plan.training, plan.evaluation, plan.data.identity, work, observer)
    estimated = estimate(trainer, missing, plan.flops)
    genotypes = len({job.genotype for job in plan.jobs})

    def arrived(outcome: Outcome) -> None:
        kept.add(outcome)
        place.remove(outcome.job)
        outcomes[outcome.job] = outcome

    work_left = Work(place.name, genotypes, len(plan.jobs), missing, estimated)
    work_left.do(trainer, engine, plan.training.device, observer, arrived)
    return outcomes
