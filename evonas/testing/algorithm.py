"""The contract of a search algorithm, with small searches in a temporary directory and alone in memory."""

from __future__ import annotations

import inspect
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from evonas import api
from evonas.core.events import Event
from evonas.searching.admission import Limits
from evonas.searching.algorithm import Algorithm, Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.events import Evaluated
from evonas.searching.made import algorithm_of
from evonas.searching.objectives.fitness import Objective
from evonas.searching.options import with_options
from evonas.searching.resolve import resolve
from evonas.store.individual import Individual
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from evonas.store.state import decode, encode
from evonas.testing.properties import global_generators, require
from spaces import spaces

SEVERAL = "params,-flops"
SMALL = {"space": "nasbench201", "proxy": "params", "channels": 4, "layers": 1, "population": 6, "generations": 3}
MAX_BIRTHS = 1000  # crashes after each of more births would take minutes


class Crash(Exception):
    """The end of a process, as it were."""


@dataclass(frozen=True)
class Trial:
    """An algorithm, the settings of a small search with it, and a directory for its runs."""

    settings: SearchSettings
    folder: Path

    def __str__(self) -> str:
        return f"algorithm {self.settings.algorithm!r}"

    @property
    def generations(self) -> int:
        return self.settings.generations or 0

    def run(self, name: str, crash_after: int | None = None, **changes: Any) -> Path:
        """Search; with ``crash_after`` the process ends after the score of that birth."""

        def observe(event: Event) -> None:
            if isinstance(event, Evaluated) and event.progress.births == crash_after:
                raise Crash

        with suppress(Crash):
            api.search(replace(self.settings, **changes), self.folder / name, observe)
        return self.folder / name

    @staticmethod
    def births(run: Path) -> list[Individual]:
        with Run.read(run) as store:
            return list(store.individuals())

    @classmethod
    def content(cls, run: Path) -> dict[str, list[Any]]:
        """Everything but times."""
        with Run.read(run) as store:
            rows = [row._replace(seconds=0.0) for row in store.generations()]
            algorithm = [(store.alive(row.generation), encode(store.state(row.generation))) for row in rows]
        return {"births": cls.births(run), "generations": rows, "populations and states": algorithm}

    def require_equal(self, run: Path, other: Path, text: str) -> None:
        for what, rows in self.content(run).items():
            expected = self.content(other)[what]
            pairs = [(row, wanted) for row, wanted in zip(rows, expected, strict=False) if row != wanted]
            first = f": {pairs[0][0]} and {pairs[0][1]}" if pairs else f": {len(rows)} and {len(expected)} {what}"
            require(rows == expected, f"{self}: {text}{first}")


def it_describes_itself(trial: Trial) -> None:
    require(inspect.getdoc(algorithms[trial.settings.algorithm]), f"{trial} has no docstring")


def a_search_depends_on_its_settings_alone(trial: Trial) -> None:
    for seed in (1, 2):
        with global_generators(seed, str(trial)):
            trial.run(f"seed {seed}")
    trial.require_equal(trial.folder / "seed 1", trial.folder / "seed 2", "equal settings give different searches")
    other = trial.births(trial.run("other", seed=trial.settings.seed + 1))
    require(other != trial.births(trial.folder / "seed 1"), f"{trial} ignores --seed")


def crashed_after_any_birth_it_ends_the_same(trial: Trial) -> None:
    whole = trial.run("whole")
    total = len(trial.births(whole))
    require(total <= MAX_BIRTHS, f"{trial}: {total} births are too many for this check; use smaller settings")
    for birth in range(1, total + 1):
        run = trial.run(f"crashed {birth}", crash_after=birth)
        api.resume(run)
        trial.require_equal(run, whole, f"resumed after a crash at birth {birth} it differs from a whole search")


def an_extended_search_is_a_longer_one(trial: Trial) -> None:
    longer = trial.run("longer", generations=trial.generations + 2)
    run = trial.run("shorter")
    api.resume(run, generations=trial.generations + 2)
    trial.require_equal(run, longer, "extended by two generations it differs from a search of the longer length")


def births_come_from_earlier_ones_and_keep_the_limit(trial: Trial) -> None:
    """At most ``max_params`` parameters, here the median of random genotypes."""
    alone = Alone(trial, max_params=1)  # an explicit limit is counted at the size of the search
    space, size, rng = alone.space, alone.admission.size, np.random.default_rng(0)
    limit = int(statistics.median(space.params(space.random(rng), size) for _ in range(51)))
    for row in trial.births(trial.run("limited", max_params=limit)):
        require(row.params <= limit, f"{trial}: birth {row.birth} has {row.params} parameters, more than {limit}")
        earlier = all(0 <= parent < row.birth for parent in row.parents)
        require(earlier, f"{trial}: the parents of birth {row.birth} are {row.parents}")


def a_loaded_state_asks_the_same(trial: Trial) -> None:
    """After every generation, through the file format; some individuals have no value."""
    alone = Alone(trial)
    expected: list[Birth] | None = None
    for generation in range(trial.generations + 1):
        asked = alone.algorithm.ask()
        same = expected is None or asked == expected
        require(same, f"{trial}: generation {generation} after a load is {expected}, without it {asked}")
        alone.tell(asked)
        loaded = alone.loaded()
        same = list(loaded.alive()) == list(alone.algorithm.alive())
        require(same, f"{trial}: the population after a load is {loaded.alive()}, not {alone.algorithm.alive()}")
        same = encode(loaded.state_dict()) == encode(alone.algorithm.state_dict())
        require(same, f"{trial}: the state after a load is not the state that was loaded")
        expected = loaded.ask()


def the_population_is_of_those_born(trial: Trial) -> None:
    alone = Alone(trial)
    for _ in range(trial.generations + 1):
        alone.tell(alone.algorithm.ask())
        alive = list(alone.algorithm.alive())
        require(alive, f"{trial}: no birth is alive after {len(alone.individuals)} births")
        require(len(set(alive)) == len(alive), f"{trial}: a birth is alive twice: {alive}")
        require(set(alive) <= set(range(len(alone.individuals))), f"{trial}: {alive} are not all born")


class Alone:
    """An algorithm without the loop; values are params and FLOPs, and every fifth birth has none."""

    def __init__(self, trial: Trial, **changes: Any) -> None:
        self.settings = with_options(resolve(replace(trial.settings, device="cpu", **changes)))
        self.space = spaces[self.settings.space]
        self.admission = Limits(self.space, self.settings)
        self.rng = np.random.default_rng(3)
        self.individuals: list[Individual] = []
        self.algorithm = self._made(self.rng)

    def _made(self, rng: np.random.Generator) -> Algorithm:
        objectives = [Objective("params")]
        if self.settings.objectives is not None:
            objectives.append(Objective("flops", maximise=False))
        return algorithm_of(self.settings, self.space, self.admission, objectives, rng)

    def tell(self, asked: Sequence[Birth]) -> None:
        first = len(self.individuals)
        born = [self._individual(number, birth) for number, birth in enumerate(asked, first)]
        self.individuals += born
        self.algorithm.tell(born)

    def _individual(self, number: int, birth: Birth) -> Individual:
        params, flops = (of(birth.genotype, self.admission.size) for of in (self.space.params, self.space.flops))
        canonical = self.space.canonical(birth.genotype)
        values: dict[str, float | None] = {"params": float(params), "flops": float(flops)}
        values = dict.fromkeys(values) if number % 5 == 4 else values
        return Individual(number, 0, birth.parents, birth.genotype, canonical, values, params, flops)

    def loaded(self) -> Algorithm:
        """Another one, continued from the state of this one, with a random generator in the same state."""
        rng = np.random.default_rng()
        rng.bit_generator.state = self.rng.bit_generator.state
        other = self._made(rng)
        other.load_state_dict(decode(encode(self.algorithm.state_dict())), self.algorithm.alive(), self)
        return other

    def __iter__(self) -> Iterator[Individual]:
        return iter(self.individuals)

    def of(self, births: Iterable[int]) -> list[Individual]:
        return [self.individuals[birth] for birth in births]


PROPERTIES: tuple[Callable[[Trial], None], ...] = (
    it_describes_itself,
    the_population_is_of_those_born,
    a_loaded_state_asks_the_same,
    a_search_depends_on_its_settings_alone,
    crashed_after_any_birth_it_ends_the_same,
    an_extended_search_is_a_longer_one,
    births_come_from_earlier_ones_and_keep_the_limit,
)


def trials(settings: SearchSettings) -> Iterator[SearchSettings]:
    """The settings to check an algorithm with: one objective, two where it takes several, joint ranks else."""
    yield settings
    kind = algorithms[settings.algorithm]
    if kind.several or kind.judged:
        yield replace(settings, objectives=SEVERAL, joint=not kind.several)


def check_algorithm(algorithm: str, **settings: Any) -> None:
    """Raises `AssertionError` unless the registered ``algorithm`` keeps its contract.

    ``settings`` are fields of `SearchSettings` that differ from those of the small search in this file. See
    `PROPERTIES` for what is checked; an algorithm of `several` objectives is also checked with two, and one
    that is `judged` with their joint ranks.
    """
    for each in trials(SearchSettings(**{**SMALL, "algorithm": algorithm, **settings})):
        for holds in PROPERTIES:
            with TemporaryDirectory() as folder:
                holds(Trial(each, Path(folder)))
