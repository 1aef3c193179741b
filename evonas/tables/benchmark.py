"""Search algorithms side by side on a table: many trials each, no network is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from evonas.core.events import Event
from evonas.core.signals import REPEAT, resumable
from evonas.data.tables.units import UnitOption
from evonas.engine import Engine, InProcess
from evonas.engine.base import unheard
from evonas.tables.contenders import Contender, contenders
from evonas.tables.limits import Limits, parsed
from evonas.tables.problem import Goal, Problem, problem
from evonas.tables.sidecar import space_of
from evonas.tables.standings import Standing, expected, standing
from evonas.tables.trial import Job, Lost, Trial, run_trials
from evonas.tables.trial_file import TrialFile, identity
from spaces import EvonasError, UsageError

EVALUATIONS = 300
AT = (10, 50, 100, 150, 192, 300)  # numbers of queries
REGRETS = (1.0, 0.5, 0.1)  # in percent

Trials = dict[tuple[str, str], list[Trial]]  # by the label of an algorithm and the name of what it searches


@dataclass(frozen=True)
class TrialFinished(Event):
    """One more trial finished."""

    done: int  # including stored ones
    total: int
    label: str
    seconds: float
    name: ClassVar[str] = "trial"


Observer = Callable[[TrialFinished], None]


@dataclass(frozen=True)
class Benchmark:
    """The standing of every algorithm on every target of a table."""

    table: str
    space: str
    architectures: int  # that can be queried
    duplicates: str  # id or class
    evaluations: int
    trials: int
    seed: int
    at: tuple[int, ...]  # numbers of queries
    goals: Mapping[str, Goal]  # by target
    contenders: tuple[Contender, ...]
    standings: Mapping[str, Mapping[str, Standing]]  # by algorithm and target
    expected: Mapping[str, tuple[float, ...]]  # by target: the exact mean of random search after 1, 2, ... queries
    seconds: Mapping[str, float]  # by algorithm: mean of a trial
    notes: tuple[str, ...]
    limits: Limits | None = None  # the constraints

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``evonas benchmark --json``."""
        plain = ("table", "space", "architectures", "duplicates", "evaluations", "trials", "seed")
        limited: dict[str, Any] = {} if self.limits is None else {"constraints": self.limits.as_dict()}
        return {
            **{name: getattr(self, name) for name in plain},
            **limited,
            "at": list(self.at),
            "targets": {name: goal.as_dict() for name, goal in self.goals.items()},
            "algorithms": {one.label: one.as_dict() for one in self.contenders},
            "results": {
                label: {
                    name: found.as_dict() | ({"feasible": found.feasible} if limited else {})
                    for name, found in by_target.items()
                }
                for label, by_target in self.standings.items()
            },
            "expected": {name: [curve[n - 1] for n in self.at] for name, curve in self.expected.items()},
            "seconds": dict(self.seconds),
            "notes": list(self.notes),
        }


def benchmark(
    table: str | Path,
    names: Sequence[str],
    *,
    space: str | None = None,
    target_names: Sequence[str] | None = None,
    select_on: str | None = None,
    report: Sequence[str] = (),
    evaluations: int | None = None,
    trials: int = 100,
    seed: int = 0,
    at: Sequence[int] = AT,
    regrets: Sequence[float] = REGRETS,
    options: Mapping[str, object] | None = None,
    duplicates: str = "id",
    latency: str | Path | None = None,
    unit: str = "auto",
    architecture: str | None = None,
    constraints: Sequence[str] = (),
    rule: str | None = None,
    results: str | Path | None = None,
    engine: Engine | None = None,
    observer: Observer | None = None,
    announce: Callable[[str], object] | None = None,
) -> Benchmark:
    """Runs ``trials`` searches of each of the algorithms ``names`` on the CSV file ``table``.

    ``space`` is by default that of the table's JSON file, else nasbench201.
    A trial ends after ``evaluations`` different architectures (default: `EVALUATIONS`, or all of a smaller table).
    It searches each target, or ``select_on``, and is judged by the target of what it found; ``report`` names other
    columns of that. ``options`` are by ALGORITHM.NAME. The columns of the table ``latency`` are joined by
    architecture. ``constraints`` are texts COLUMN<=NUMBER or COLUMN>=NUMBER, respected by ``rule``, one of
    `evonas.tables.limits.RULES` (default: admission). Finished trials are kept in the file ``results``. ``engine``
    runs them, by default this process.
    Raises `UsageError` for invalid arguments, before the first trial.
    """
    space = space_of(table, space, announce)
    compared = contenders(names, options or {}, space)
    bounds, rule = parsed(constraints, rule, [one.algorithm for one in compared])
    posed = problem(
        table,
        space,
        target_names=target_names,
        select_on=select_on,
        report=report,
        duplicates=duplicates,
        latency=latency,
        unit=UnitOption.parse(unit),
        architecture=architecture,
        constraints=bounds,
        rule=rule,
    )
    budget = min(EVALUATIONS, len(posed)) if evaluations is None else evaluations
    if budget > len(posed):
        raise UsageError(
            f"{table} has {len(posed)} architectures to query; use --evaluations {len(posed)} at most"
        )
    steps = tuple(sorted({*(n for n in at if n <= budget), budget}))
    with (
        (InProcess() if engine is None else engine).opened(
            "cpu", unheard if announce is None else announce
        ) as opened,
        nullcontext() if results is None else TrialFile(results) as kept,
        resumable(REPEAT),
    ):
        done = _run(posed, compared, budget, trials, seed, kept, opened, observer)
    every = range(1, budget + 1)
    return Benchmark(
        table=str(table),
        space=space,
        architectures=len(posed),
        duplicates=duplicates,
        evaluations=budget,
        trials=trials,
        seed=seed,
        at=steps,
        goals=posed.goals,
        contenders=tuple(compared),
        standings={one.label: _standings(posed, one.label, done, steps, regrets, budget) for one in compared},
        expected={
            name: tuple(expected(goal.searched.sign * goal.order, goal.judged, every))
            for name, goal in posed.goals.items()
        },
        seconds={one.label: _seconds(one.label, done) for one in compared},
        notes=(*posed.notes, *_early(done, budget), *_empty_handed(posed, done)),
        limits=posed.limits,
    )


def _run(
    posed: Problem,
    compared: Sequence[Contender],
    budget: int,
    trials: int,
    seed: int,
    kept: TrialFile | None,
    engine: Engine,
    observer: Observer | None,
) -> Trials:
    """All trials, those that are not in ``kept`` on the engine, one trial of every algorithm after the other."""
    goals = {goal.objective: goal.searched_numbers for goal in posed.goals.values()}
    values = {objective.name: column for objective, column in goals.items()}
    entries = [(one, objective) for objective in goals for one in compared]
    keys = [
        identity(one, objective, posed.arena, goals[objective], seed, posed.limits) for one, objective in entries
    ]
    found = [kept.known(key, budget, len(posed)) if kept else {} for key in keys]
    todo = [(i, n) for n in range(trials) for i in range(len(entries)) if n not in found[i]]
    total = trials * len(entries)

    def jobs() -> Iterator[Job]:
        for i, number in todo:
            one, objective = entries[i]
            yield Job(one.algorithm, one.options, objective, seed, number, budget)

    engine.share(len(todo), 1)
    work = partial(run_trials, arena=posed.arena, values=values, limits=posed.limits)
    computed = engine.map(work, jobs(), lost=lambda job, reason: Lost(reason))
    for count, ((i, number), trial) in enumerate(zip(todo, computed, strict=True)):
        one, objective = entries[i]
        if isinstance(trial, Lost):
            raise EvonasError(f"trial {number} of {one.label} on {objective.name} {trial.reason}")
        if kept is not None:
            kept.add(keys[i], number, budget, trial, one, objective.name)
        found[i][number] = trial
        if observer is not None:
            observer(TrialFinished(total - len(todo) + count + 1, total, one.label, trial.seconds))
    return {
        (one.label, objective.name): [found[i][number] for number in range(trials)]
        for i, (one, objective) in enumerate(entries)
    }


def _standings(
    posed: Problem, label: str, done: Trials, steps: Sequence[int], regrets: Sequence[float], budget: int
) -> dict[str, Standing]:
    return {
        name: standing(
            done[label, goal.searched.name],
            goal.judged,
            goal.target.sign,
            steps,
            {regret: regret * goal.percent for regret in regrets},
            posed.reported,
            budget,
        )
        for name, goal in posed.goals.items()
    }


def _seconds(label: str, done: Trials) -> float:
    return float(np.mean([trial.seconds for key, found in done.items() if key[0] == label for trial in found]))


def _early(done: Trials, budget: int) -> list[str]:
    """A note on each algorithm that asked for nothing new before its budget was spent."""
    labels = [label for (label, _), found in done.items() if any(trial.queries < budget for trial in found)]
    return [f"{label}: some trials ended before {budget} queries" for label in dict.fromkeys(labels)]


def _empty_handed(posed: Problem, done: Trials) -> list[str]:
    """A note on each algorithm that found nothing feasible in some trials."""
    limits = posed.limits
    if limits is None:
        return []
    counts = {
        label: sum(bool(limits.violation[trial.improvements[-1][1]]) for trial in found)
        for (label, _), found in done.items()
    }
    return [
        f"{label}: {count} trials found no architecture that meets the constraints; they count as the worst one"
        for label, count in counts.items()
        if count
    ]
