"""The ask, score, tell loop shared by all algorithms, and the only writer of a run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from deap import tools

from evonas.core.events import Closed, Message, Observer, announcing
from evonas.core.files import write_json
from evonas.core.shell import command, resuming
from evonas.core.signals import Interrupted, StopRequest, stop_requests
from evonas.engine import Engine
from evonas.searching.algorithm import Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.events import Best, Born, Evaluated, GenerationDone, Progress, SearchStarted
from evonas.searching.individual import Individual, same_network
from evonas.searching.measure import Measure, Scores
from evonas.searching.operators import toolbox
from evonas.searching.random_state import restore_random
from evonas.searching.task import task_of
from evonas.store.queries import BEST
from evonas.store.run import Run
from evonas.store.schema import GenerationRow, IndividualRow
from evonas.store.settings import SearchSettings
from evonas.training.plan import plan_of
from fitness import Batch, stable_hash
from spaces import EvonasError

if TYPE_CHECKING:
    from evonas.evaluation.result import Evaluation
    from evonas.training.training import Trained

HALL_OF_FAME = 10
SHOWN_GENERATIONS = 1000  # of a continued run


@dataclass(frozen=True)
class SearchResult:
    """The result of a search and its path."""

    path: Path
    best: Best | None
    generations: int
    evaluations: int
    cache_hits: int
    seconds_per_evaluation: float | None
    device: str
    hall_of_fame: tuple[Any, ...]  # genotypes of different networks, best first
    trained: Trained | None = None  # training of the best genotype, after a final stage
    evaluation: Evaluation | None = None  # evaluation of its robustness


class Search:
    """A search in progress; its state is a function of the `Run`."""

    def __init__(
        self, run: Run, settings: SearchSettings, images: Batch | None, observer: Observer, engine: Engine
    ) -> None:
        self.run = run
        self.settings = settings
        self.observer = observer
        self.engine = engine
        self.task = task_of(settings, images, engine.most_workers)
        self.space = self.task.space
        self.measure = Measure(run)
        self.rng = np.random.default_rng(stable_hash(settings.seed, "search"))
        self.toolbox = toolbox(self.space, settings, self.task, self.measure.names, engine, self.rng)
        self.algorithm = algorithms[settings.algorithm](self.toolbox, settings)
        self.statistics = tools.Statistics(key=lambda individual: individual.score)
        for name, function in (("best", np.max), ("mean", np.mean), ("std", np.std)):
            self.statistics.register(name, function)
        self.hall_of_fame = tools.HallOfFame(HALL_OF_FAME, similar=same_network)
        self.population: list[Individual] = []
        self._alive: tuple[Born, ...] = ()  # the population for observers
        self.generation = -1  # the last one finished
        self.births = self.evaluations = self.cache_hits = self.failures = 0
        self.last_seconds = 0.0
        self.best: Individual | None = None
        self._restore()

    def _restore(self) -> None:
        """Restore the state after the last finished generation."""
        last = self.run.generations(last=1)
        if not last:
            return
        self.generation = last[-1].generation
        self.evaluations, self.cache_hits = last[-1].evaluations, last[-1].cache_hits
        self.births = self.evaluations + self.cache_hits
        restore_random(self.rng, last[-1].random_state)
        for row in self.run.individuals(since=self.births - self.settings.population):
            self.population.append(self._individual(row))
        if len(self.population) != self.settings.population:
            found, asked = len(self.population), self.settings.population
            raise EvonasError(f"{self.run.path} has only {found} of the {asked} individuals of its population")
        # DEAP copies what enters the hall of fame, so candidates are inserted once, in order of birth
        hall = self.hall_of_fame
        for row in self.run.individuals():
            if row.score is None or row.cached or (hall[HALL_OF_FAME - 1 :] and row.score <= hall[-1].score):
                continue
            self._admire(self._individual(row))
        self.failures = self.run.failures()
        self._alive = tuple(map(_told, self.population))

    def _individual(self, row: IndividualRow) -> Individual:
        genotype = self.space.parse(row.genotype)
        found = Individual(row.birth, row.generation, row.parent, genotype, row.canonical, row.params, row.flops)
        found.set_score(row.score)
        return found

    def _admire(self, individual: Individual) -> None:
        self.hall_of_fame.update([individual])
        if self.best is None or individual.fitness > self.best.fitness:
            self.best = individual

    def go(self) -> SearchResult:
        """Run the remaining generations."""
        history = self.run.generations(last=SHOWN_GENERATIONS)
        progress, where = self._progress(self.births), self.engine.description
        if not (self.run.path / BEST).exists():  # removed when a later state was undone
            self._write_best()
        try:
            self.observer(SearchStarted(self.run.path, self.settings, progress, history, where))
            if self.run.forgotten:
                self.observer(Message(f"{self.run.forgotten} damaged scores are recomputed"))
            with stop_requests(announcing(self.observer)) as stop:
                while self.generation < self.settings.generations:
                    self._next_generation(stop)
        finally:
            self.observer(Closed())
        self._write_best()
        return SearchResult(
            self.run.path,
            self._best(),
            self.generation,
            self.evaluations,
            self.cache_hits,
            self.run.seconds_per_evaluation(),
            self.settings.device,
            tuple(individual.genotype for individual in self.hall_of_fame),
        )

    def _next_generation(self, stop: StopRequest) -> None:
        started = time.perf_counter()
        number = self.generation + 1
        asked = self.algorithm.children(self.population) if number else self.algorithm.first_population()
        born = [self._born(self.births + i, number, birth) for i, birth in enumerate(asked)]
        cached = self._score(born, stop)

        improved = self.best
        for individual, hit in zip(born, cached, strict=True):
            if individual.score is not None and not hit:
                self._admire(individual)
        self.population = self.algorithm.survivors(self.population, born) if number else born
        self._alive = tuple(map(_told, self.population))
        self.generation, self.births = number, self.births + len(born)
        row = self._record(started)
        self.run.commit(
            (
                IndividualRow(i.birth, number, i.parent, str(i.genotype), i.canonical, hit, i.params, i.flops)
                for i, hit in zip(born, cached, strict=True)
            ),
            row,
            **({} if number else self.measure.facts()),
        )
        if self.best is not improved:
            self._write_best()
        self.observer(GenerationDone(row, self._progress(self.births)))
        if stop.requested and (number < self.settings.generations or (self.best and plan_of(self.run))):
            raise self._interrupted()

    def _born(self, number: int, generation: int, birth: Birth) -> Individual:
        genotype, size = birth.genotype, self.task.size
        canonical = str(self.space.canonical(genotype))
        params, flops = self.space.params(genotype, size), self.space.flops(genotype, size)
        return Individual(number, generation, birth.parent, genotype, canonical, params, flops)

    def _score(self, born: list[Individual], stop: StopRequest) -> list[bool]:
        """Record the scores of ``born``, in order; returns which of them equal an earlier birth."""
        first: dict[str, Individual] = {}  # networks new in this generation
        cached = []
        for individual in born:
            hit = individual.canonical in first or self.run.born(individual.canonical)
            cached.append(hit)
            if not hit:
                first[individual.canonical] = individual
        known = {i.canonical: found for i in born if (found := self.measure.recall(i.canonical)) is not None}
        todo = [i for canonical, i in first.items() if canonical not in known]
        self.engine.share(len(todo), self.settings.batch_networks or 1)
        computed = self.toolbox.map(self.toolbox.evaluate, self._until(stop, (i.genotype for i in todo)))
        leader: Individual | None = None  # of this generation
        for individual, hit in zip(born, cached, strict=True):
            if individual.canonical not in known:
                scores = next(computed, None)
                if scores is None:
                    raise self._interrupted()
                known[individual.canonical] = scores
                self.run.journal(*self.measure.rows(individual.canonical, scores))
                self.last_seconds = sum(score.seconds for score in scores.values())
            self.cache_hits += hit
            self.evaluations += not hit
            self.failures += not hit and self.measure.failed(known[individual.canonical])
            if not self.measure.open:
                individual.set_score(self.measure.of(known[individual.canonical]).value)
            if leader is None or individual.fitness > leader.fitness:
                leader = individual
            told = _told(individual, hit)
            self.observer(Evaluated(self._progress(individual.birth + 1, born[0].generation, leader, told)))
        if self.measure.open:
            self._fix(born, known)
        return cached

    def _fix(self, born: list[Individual], known: dict[str, Scores]) -> None:
        """Fix the statistics of a composite, and with them the scores of the first population."""
        self.measure.fix(known.values())
        for canonical, scores in known.items():
            self.run.journal(*self.measure.rows(canonical, scores))
        self.failures = sum(self.measure.failed(scores) for scores in known.values())
        for individual in born:
            individual.set_score(self.measure.of(known[individual.canonical]).value)

    @staticmethod
    def _until(stop: StopRequest, genotypes: Iterable[Any]) -> Iterable[Any]:
        for genotype in genotypes:
            if stop.requested:
                return
            yield genotype

    def _record(self, started: float) -> GenerationRow:
        """The statistics of the population."""
        scored = [individual for individual in self.population if individual.fitness.valid]
        compiled = self.statistics.compile(scored) if scored else {}
        best, mean, std = (float(compiled[name]) if compiled else None for name in ("best", "mean", "std"))
        so_far = self.best.score if self.best else None
        counts, state = (self.evaluations, self.cache_hits), json.dumps(self.rng.bit_generator.state)
        seconds = time.perf_counter() - started
        return GenerationRow(self.generation, best, mean, std, so_far, *counts, state, seconds)

    def _interrupted(self) -> Interrupted:
        self.run.flush()
        last, of = self.generation, self.settings.generations
        said = f"in generation {last + 1} of {of}; finished work is saved. Resume"
        if last == of:
            said = "after the search was complete and saved. Train and evaluate its best genotype"
        return Interrupted(f"interrupted {said} with: {command('resume', self.run.path)}")

    def _best(self, running: Individual | None = None) -> Best | None:
        best = self.best
        if running is not None and running.score is not None and (best is None or running.fitness > best.fitness):
            best = running
        if best is None or best.score is None:
            return None
        return Best(best.birth, best.genotype, best.score, best.params, best.flops)

    def _write_best(self) -> None:
        best = self._best()
        if best is not None:
            content = {"genotype": str(best.genotype), "score": best.score, "proxy": self.settings.proxy}
            content |= {"params": best.params, "flops": best.flops, "birth": best.birth}
            if self.measure.is_composite:
                content["members"] = self.measure.members(str(self.space.canonical(best.genotype)))
            write_json(self.run.path / BEST, content, resuming(self.run.path))

    def _progress(
        self,
        births: int,
        generation: int | None = None,
        running: Individual | None = None,
        born: Born | None = None,
    ) -> Progress:
        settings = self.settings
        return Progress(
            self.generation if generation is None else generation,
            births,
            settings.population + settings.generations * (settings.children or 1),
            self.evaluations,
            self.cache_hits,
            self.failures,
            self.last_seconds,
            self._best(running),
            born,
            self._alive,
        )


def _told(individual: Individual, cached: bool | None = None) -> Born:
    i = individual
    return Born(i.birth, i.parent, i.genotype, i.score, i.params, i.flops, cached)
