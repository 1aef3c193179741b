"""One trial of a benchmark: one algorithm with one seed, which looks the values of its births up in a table."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evonas.searching.algorithms import algorithms
from evonas.store.individual import Individual
from evonas.store.objective import Objective
from evonas.tables.arena import Arena
from evonas.tables.limits import Limits, Worth
from fitness import stable_hash

MAX_REPEATS = 10_000  # births in a row that were queried before; then the trial ends


class Job(NamedTuple):
    """What a trial is: it depends on nothing else but the table."""

    algorithm: str
    options: Any  # an object of the ``Options`` of the algorithm
    objective: Objective
    seed: int
    trial: int
    evaluations: int  # architectures that may be queried

    def generator(self) -> np.random.Generator:
        """The random numbers of the trial; they do not depend on options, so that variants begin alike."""
        parts = (self.seed, self.algorithm, self.objective.name, self.trial)
        return np.random.default_rng(stable_hash("benchmark", *parts))


class Trial(NamedTuple):
    """The result of a trial: every improvement as the number of queries so far and the row."""

    queries: int  # different architectures
    improvements: tuple[tuple[int, int], ...]
    seconds: float
    infeasible: tuple[int, ...] = ()  # the numbers of the queries that broke a constraint, from 1

    @property
    def feasible_share(self) -> float:
        """The share of feasible architectures among the queried ones."""
        return 1 - len(self.infeasible) / self.queries

    def until(self, evaluations: int) -> Trial:
        """The same trial with fewer queries."""
        kept = tuple(pair for pair in self.improvements if pair[0] <= evaluations)
        infeasible = tuple(number for number in self.infeasible if number <= evaluations)
        return Trial(min(self.queries, evaluations), kept, self.seconds, infeasible)

    def incumbents(self, at: NDArray[np.intp]) -> NDArray[np.intp]:
        """The best row after each of the numbers of queries ``at``, (N,)."""
        places = np.searchsorted([queries for queries, _ in self.improvements], at, side="right") - 1
        return np.array([row for _, row in self.improvements], dtype=np.intp)[places]


class Lost(NamedTuple):
    """A trial that crashed its workers."""

    reason: str


def run_trials(
    jobs: Sequence[Job], arena: Arena, values: Mapping[str, NDArray[np.float64]], limits: Limits | None = None
) -> list[Trial]:
    """The trials of ``jobs``, as an engine maps them; ``values`` has the numbers of an objective, (rows,)."""
    return [run_trial(job, arena, values[job.objective.name], limits) for job in jobs]


def run_trial(job: Job, arena: Arena, values: NDArray[np.float64], limits: Limits | None = None) -> Trial:
    """Ask, look up, tell, until ``job.evaluations`` different rows were queried."""
    started = time.perf_counter()
    rng = job.generator()
    search: Any = algorithms[job.algorithm](arena.space, arena, (job.objective,), job.options, rng)
    if limits is not None:
        if limits.ranked:
            search.judge = Worth(arena, job.objective.sign * values, limits)
        values = limits.told(values, job.objective.sign)
    queried: set[int] = set()
    improvements: list[tuple[int, int]] = []
    infeasible: list[int] = []
    best, births, generation, repeats = None, 0, 0, 0
    while len(queried) < job.evaluations and repeats < MAX_REPEATS and (asked := search.ask()):
        born = []
        for birth in asked:
            row = arena.row(birth.genotype)
            known = row is None or row in queried
            if not known and len(queried) == job.evaluations:
                break
            value = None if row is None else float(values[row])
            if row is not None and value is not None and not known:
                queried.add(row)
                if limits is not None and limits.violation[row] > 0:
                    infeasible.append(len(queried))
                if best is None or job.objective.better(value, best):
                    best = value
                    improvements.append((len(queried), row))
            repeats = repeats + 1 if known else 0
            born.append(_individual(arena, births, generation, birth, {job.objective.name: value}, known))
            births += 1
        else:
            search.tell(born)
        generation += 1
    return Trial(len(queried), tuple(improvements), time.perf_counter() - started, tuple(infeasible))


def _individual(
    arena: Arena, number: int, generation: int, birth: Any, values: Mapping[str, float | None], known: bool
) -> Individual:
    canonical = arena.space.canonical(birth.genotype)
    return Individual(number, generation, birth.parents, birth.genotype, canonical, values, 0, 0, known)
