"""The ask, score, tell loop shared by all algorithms, and the only writer of a run."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from evonas.core.events import Closed, Message, Observer, Warned, announcing
from evonas.core.shell import command
from evonas.core.signals import Interrupted, StopRequest, stop_requests
from evonas.engine import Engine
from evonas.engine.scores import networks_per_call, no_score, score_chunk
from evonas.searching.admission import Limits
from evonas.searching.algorithm import Birth
from evonas.searching.budget import Budget
from evonas.searching.cost import Cost
from evonas.searching.doubts import constants
from evonas.searching.events import Evaluated, GenerationDone, Progress, SearchStarted
from evonas.searching.hypervolume import reference_fact
from evonas.searching.made import algorithm_of
from evonas.searching.measure import Measure, Scores
from evonas.searching.measurements import Measurements, Measuring, measure_here
from evonas.searching.memory import remembered, restore, start_of
from evonas.searching.objectives.named import fitness_for
from evonas.searching.objectives.several import Together
from evonas.searching.result import SearchResult, write_best
from evonas.searching.task import task_of
from evonas.store.front import Front
from evonas.store.headline import headline
from evonas.store.individual import Individual
from evonas.store.length import ended
from evonas.store.queries import BEST
from evonas.store.run import Run
from evonas.store.schema import GenerationRow, seconds_per_generation
from evonas.store.settings import SearchSettings
from evonas.training.plan import plan_of
from fitness import Batch

LEADING = 10  # genotypes of a result
SHOWN_GENERATIONS = 1000  # of a continued run


class Search:
    """A search in progress; its state is a function of the `Run`."""

    def __init__(
        self,
        run: Run,
        settings: SearchSettings,
        images: Batch | None,
        observer: Observer,
        engine: Engine,
        measure: Measuring = measure_here,
    ) -> None:
        self.run = run
        self.settings = settings
        self.observer = observer
        self.engine = engine
        self.task = task_of(settings, images, engine.most_workers)
        self.space = self.task.space
        self.measure, self.budget = Measure(run), Budget(run, settings)
        fitness = fitness_for(settings)
        self.objectives = fitness.objectives
        self.measured = tuple(part for part in fitness.parts if part.measured)
        computed = Together(tuple(part for part in fitness.parts if not part.measured))
        self.score = partial(score_chunk, fitness=computed if self.measured else fitness, task=self.task)
        self.cost = Cost(fitness, self.task, engine, observer)
        self.measurements = Measurements(
            run, self.task, measure, lambda: self.generation + 1, self._require_time, announcing(observer)
        )
        self.stop = StopRequest()
        self.rng = start_of(settings.seed)
        limits = Limits(self.space, settings, self.measurements)
        self.algorithm = algorithm_of(
            settings, self.space, limits, fitness.objectives, self.rng, self._require_time, announcing(observer)
        )
        self.population: tuple[Individual, ...] = ()
        self.generation = -1  # the last one finished
        self.births = self.evaluations = self.cache_hits = self.failures = 0
        self.last_seconds = 0.0
        self.front: Front[Individual] = Front()  # of one objective: the best individual
        self._restore()

    def _restore(self) -> None:
        """Restore the state after the last finished generation."""
        last = self.run.generations(last=1)
        if not last:
            return
        row = last[0]
        self.generation, self.evaluations, self.cache_hits = row.generation, row.evaluations, row.cache_hits
        self.births = self.evaluations + self.cache_hits
        done = ended(self.settings, row.generation, row.evaluations)
        restore(self.run, self.algorithm, row, announcing(self.observer), done)
        self.population = tuple(self.run.individuals_of(self.run.alive(row.generation)))
        self.front = self._after(self.run.front() if len(self.objectives) > 1 else filter(None, [self.run.best()]))
        self.failures = self.run.failures()

    def go(self) -> SearchResult:
        """Run the remaining generations."""
        settings, history = self.settings, self.run.generations(last=SHOWN_GENERATIONS)
        progress, where = self._progress(self.births), self.engine.description
        if not (self.run.path / BEST).exists():  # removed when a later state was undone
            self._write_best()
        try:
            facts = (settings, progress, history, where, self.run.objectives, self.algorithm.latest)
            self.observer(SearchStarted(self.run.path, *facts))
            if self.run.forgotten:
                self.observer(Message(f"{self.run.forgotten} damaged scores are recomputed"))
            with stop_requests(announcing(self.observer)) as self.stop:
                while not ended(settings, self.generation, self.evaluations) and not self.budget.exhausted:
                    started = time.perf_counter()
                    if not (asked := self.budget.cut(self.algorithm.ask(), self.evaluations)):
                        break
                    seconds = time.perf_counter() - started
                    self.cost.say([birth.genotype for birth in asked], self._progress(self.births))
                    self._next_generation(asked, seconds)
            if self.budget.exhausted:
                self.observer(Message(self.budget.exhausted))
        finally:
            self.observer(Closed())
        self._write_best()
        return SearchResult(
            self.run.path,
            self.best,
            self.generation,
            self.evaluations,
            self.cache_hits,
            self.run.seconds_per_evaluation(),
            self.settings.device,
            tuple(individual.genotype for individual in self.run.leading(LEADING)),
            self.objectives,
            self.front.items,
            self.settings.pick,
            self.algorithm.latest,
            seconds_per_generation(self.run.generations()),
        )

    def _next_generation(self, asked: list[Birth], seconds: float) -> None:
        """Score what was asked for, which took the algorithm ``seconds``, and commit it."""
        started = time.perf_counter() - seconds
        number, evaluations = self.generation + 1, self.evaluations
        born = self._score([self._born(self.births + i, number, birth) for i, birth in enumerate(asked)])

        before = self.front
        self.front = self._after(born)
        self.algorithm.tell(born)
        alive = self.algorithm.alive()
        known = {individual.birth: individual for individual in (*self.population, *born)}
        self.population = tuple(
            known[birth] if birth in known else self.run.individuals_of([birth])[0] for birth in alive
        )
        self.generation, self.births = number, self.births + len(born)
        row = self._statistics(started)
        self.budget.finished(evaluations, row)
        facts = {} if number else self._facts()
        with remembered(self.run, self.algorithm, number) as state:
            self.run.commit(born, row, alive, state, **facts)
        if self.front is not before:
            self._write_best()
        self.observer(GenerationDone(row, self._progress(self.births)))
        if not number:
            for text in constants(self.population, self.objectives):
                self.observer(Warned(text))
        more = not ended(self.settings, number, self.evaluations) or (self.best and plan_of(self.run))
        if self.stop.requested and more:
            raise self._interrupted()

    def _born(self, number: int, generation: int, birth: Birth) -> Individual:
        genotype, size = birth.genotype, self.task.size
        canonical = self.space.canonical(genotype)
        params, flops = self.space.params(genotype, size), self.space.flops(genotype, size)
        return Individual(number, generation, birth.parents, genotype, canonical, {}, params, flops)

    def _score(self, born: list[Individual]) -> list[Individual]:
        """``born`` with their values, which are recorded in order."""
        first: dict[str, Individual] = {}  # networks new in this generation
        cached = []
        for individual in born:
            hit = individual.key in first or self.run.born(individual.key)
            cached.append(hit)
            if not hit:
                first[individual.key] = individual
        known = {i.key: found for i in born if (found := self.measure.recall(i.key)) is not None}
        todo = [i for key, i in first.items() if key not in known]
        # before the engine computes, because workers would disturb a measurement
        measured = {i.key: self.measurements.values(self.measured, i.genotype) for i in todo}
        self.engine.share(len(todo), 1 if self.cost.slow else networks_per_call(self.task))
        names = self.measure.names
        computed = self.engine.map(
            self.score,
            self._until_stopped(i.genotype for i in todo),
            lost=lambda genotype, reason: no_score(names, reason),
        )
        scored: list[Individual] = []
        front = self.front
        for individual, hit in zip(born, cached, strict=True):
            if individual.key not in known:
                scores = next(computed, None)
                if scores is None:
                    raise self._interrupted()
                scores = known[individual.key] = {**scores, **measured[individual.key]}
                self.run.journal(self.measure.rows(individual.key, scores))
                self.last_seconds = sum(score.seconds for score in scores.values())
            self.cache_hits += hit
            self.evaluations += not hit
            self.failures += not hit and self.measure.failed(known[individual.key])
            values = self.measure.values(known[individual.key])
            scored.append(dataclasses.replace(individual, values=values, cached=hit))
            front = self._after(scored[-1:], front)
            progress = self._progress(individual.birth + 1, individual.generation, front)
            self.observer(Evaluated(scored[-1], progress))
        return self._fixed(scored, known) if self.measure.open else scored

    def _fixed(self, born: list[Individual], known: dict[str, Scores]) -> list[Individual]:
        """``born`` with the values of a composite, whose statistics are those of the first population."""
        self.measure.fix(known.values())
        for key, scores in known.items():
            self.run.journal(self.measure.rows(key, scores))
        self.failures = sum(self.measure.failed(scores) for scores in known.values())
        return [dataclasses.replace(one, values=self.measure.values(known[one.key])) for one in born]

    def _until_stopped(self, genotypes: Iterable[Any]) -> Iterable[Any]:
        for genotype in genotypes:
            if self.stop.requested:
                return
            yield genotype

    def _require_time(self) -> None:
        if self.stop.requested:
            raise self._interrupted()

    def _statistics(self, started: float) -> GenerationRow:
        """The statistics of the population."""
        scores = np.array([individual.score for individual in self.population if individual.score is not None])
        most = np.max if self.objectives[0].maximise else np.min
        best, mean, std = (float(of(scores)) if len(scores) else None for of in (most, np.mean, np.std))
        so_far = self.front.items[0].score if len(self.front) else None  # by the first objective
        counts, state = (self.evaluations, self.cache_hits), json.dumps(self.rng.bit_generator.state)
        seconds = time.perf_counter() - started
        return GenerationRow(self.generation, best, mean, std, so_far, *counts, state, seconds)

    def _interrupted(self) -> Interrupted:
        self.run.flush()
        last, of = self.generation, self.settings.generations
        where = f"generation {last + 1}" + ("" if of is None else f" of {of}")
        said = f"in {where}; finished work is saved. Resume"
        if ended(self.settings, last, self.evaluations):
            said = "after the search was complete and saved. Train and evaluate its best genotype"
        return Interrupted(f"interrupted {said} with: {command('resume', self.run.path)}")

    def _write_best(self) -> None:
        if self.best is not None:
            write_best(self.run.path, self.measure, self.front.items, self.best, self.settings.pick)

    def _progress(
        self, births: int, generation: int | None = None, front: Front[Individual] | None = None
    ) -> Progress:
        members = (self.front if front is None else front).items
        return Progress(
            self.generation if generation is None else generation,
            births,
            self.budget.total_births,
            self.settings.evaluations,
            self.evaluations,
            self.cache_hits,
            self.failures,
            self.last_seconds,
            self._headline(members),
            self.population,
            members,
        )

    @property
    def best(self) -> Individual | None:
        """The best individual; of several objectives the headline of the front."""
        return self._headline(self.front.items)

    def _headline(self, front: Sequence[Individual]) -> Individual | None:
        return front[headline(front, self.objectives, self.settings.pick)] if front else None

    def _after(self, others: Iterable[Individual], front: Front[Individual] | None = None) -> Front[Individual]:
        """The front with ``others``."""
        gains = ((self.algorithm.gains(one), one) for one in others)
        return (self.front if front is None else front).after(
            (gain, one) for gain, one in gains if gain is not None
        )

    def _facts(self) -> dict[str, str]:
        """The facts of the run that the first population decides."""
        return {**self.measure.facts(), **reference_fact(self.population, self.objectives)}
