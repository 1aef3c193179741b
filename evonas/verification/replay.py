"""Replays the search with the recorded scores; everything else in run.db must be reproduced."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from evonas.core.events import Listener
from evonas.core.files import read_json
from evonas.core.signals import Interrupted
from evonas.engine.base import Arrived, Engine, Lost, R, T, unheard
from evonas.searching.images import require_constraints
from evonas.searching.loop import Search
from evonas.searching.made import result_of
from evonas.searching.measure import Measure, Scores
from evonas.searching.objectives.fitness import Fitness
from evonas.searching.training_images import require_training_images
from evonas.store.hash_chain import TRAINING
from evonas.store.individual import Individual
from evonas.store.length import ended
from evonas.store.objective import REFERENCE, facts_of
from evonas.store.queries import BEST
from evonas.store.run import Run
from evonas.store.schema import GenerationRow
from evonas.store.settings import SearchSettings
from evonas.verification.finding import UNCHECKED, Finding, judged
from fitness import Score, Task
from spaces import spaces
from spaces.errors import EvonasError

PART = "search"
FACTS = {  # of the first population
    "composite": "its statistics match the first population",
    REFERENCE: "the reference point of the hypervolume matches the first population",
}


class Recorded(Engine):
    """Returns recorded scores."""

    description = "recorded scores"

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.answer = answer

    def map(
        self,
        function: Callable[[list[T]], Iterable[R]],
        items: Iterable[T],
        lost: Lost,
        arrived: Arrived = unheard,
    ) -> Iterator[R]:
        return map(self.answer, items)


@contextmanager
def replayed(store: Run, settings: SearchSettings) -> Iterator[Run]:
    """The run that follows from the settings and scores of ``store``, up to its last generation.

    ``settings`` are those of the run, with the present places of tables. Raises `EvonasError` if a score was never
    recorded.
    """
    last = store.generations(last=1)[0]
    recorded, settings = (
        dataclasses.replace(one, generations=last.generation) for one in (store.settings, settings)
    )
    space, measure = spaces[settings.space], Measure(store)

    def answer(genotype: Any) -> Scores:
        found = measure.recall(str(space.canonical(genotype)))
        if found is None:
            raise EvonasError(f"replaying the seed produced {genotype}, which has no score in run.db")
        return found

    def measured(fitness: Fitness, canonical: Any, task: Task) -> Score:
        name = fitness.objectives[0].name
        kept = store.measurement(str(canonical), name)
        if kept is None:
            raise EvonasError(f"replaying the seed asked for the {name} of {canonical}, which is not in run.db")
        return Score(kept.value, kept.reason, kept.seconds)

    with tempfile.TemporaryDirectory() as directory:
        facts = facts_of(store.objectives, recorded.proxy) | result_of(recorded)
        with Run.create(Path(directory) / "run", recorded, facts) as run:
            Search(run, settings, None, Listener(), Recorded(answer), measured).go()
        with Run.read(Path(directory) / "run") as run:
            yield run


def compare(store: Run, settings: SearchSettings) -> list[Finding]:
    """Checks births, generations, statistics, random states and best.json; ``settings`` as for `replayed`."""
    if not store.generations(last=1):
        return [Finding(PART, "births", UNCHECKED, "no generation is finished yet")]
    if settings.device != "cpu" and store.meta(TRAINING):
        why = f"the algorithm learned on {settings.device}, where a training does not repeat its last digits"
        return [Finding(PART, "births", UNCHECKED, why)]
    try:
        require_constraints(store, settings)
        require_training_images(store, settings)
    except EvonasError as error:
        return [Finding(PART, "births", UNCHECKED, str(error))]
    try:
        with replayed(store, settings) as again:
            same = [_births(store, again), _generations(store, again), *_statistics(store, again)]
            return [*same, _evaluations(store), _best(store, again)]
    except Interrupted:  # its message is meant for a search
        raise KeyboardInterrupt from None
    except EvonasError as error:
        return [judged(PART, "births", str(error), "")]


def _births(store: Run, again: Run) -> Finding:
    count = 0
    for recorded, found in zip_longest(store.individuals(), again.individuals()):
        if recorded != found:
            return judged(PART, "births", _first("birth", count, recorded, found), "")
        count += 1
    return judged(PART, "births", None, f"{count} births reproduced from the seed and the scores")


def _generations(store: Run, again: Run) -> Finding:
    rows = [[row._replace(seconds=0.0) for row in run.generations()] for run in (store, again)]
    for number, (recorded, found) in enumerate(zip_longest(*rows)):
        if recorded != found:
            return judged(PART, "generations", _first("generation", number, recorded, found), "")
    return judged(PART, "generations", None, f"statistics, counts and random states of {len(rows[0])} generations")


def _statistics(store: Run, again: Run) -> list[Finding]:
    """Checks the statistics of a composite and the reference point of the hypervolume."""
    findings = []
    for name, right in FACTS.items():
        recorded, found = (run.meta(name) for run in (store, again))
        if recorded != found:
            wrong = f"{recorded} in run.db, {found} from the scores of the first population"
            findings.append(judged(PART, name, wrong, ""))
        elif found is not None:
            findings.append(judged(PART, name, None, right))
    return findings


def _evaluations(store: Run) -> Finding:
    """Checks the number of scored networks, which may be larger while a generation is being scored."""
    last = store.generations(last=1)[0]
    scored, counted = store.evaluated(), last.evaluations
    ahead = not ended(store.settings, last.generation, last.evaluations)
    wrong = (
        None if scored == counted or (ahead and scored > counted) else f"{scored} stored, but {counted} counted"
    )
    return judged(PART, "evaluations", wrong, f"{counted} networks scored, {last.cache_hits} cache hits")


def _best(store: Run, again: Run) -> Finding:
    recorded, found = (read_json(run.path / BEST) for run in (store, again))
    wrong = None
    if recorded != found:
        names = [name for name in (found or {}) if (recorded or {}).get(name) != (found or {})[name]]
        wrong = (
            f"{BEST} is missing"
            if recorded is None
            else f"{', '.join(names) or 'more fields'} differ from the best birth"
        )
    return judged(PART, BEST, wrong, "matches the best birth" if found else "no birth has a score")


def _first(
    kind: str,
    number: int,
    recorded: Individual | GenerationRow | None,
    found: Individual | GenerationRow | None,
) -> str:
    """The first field that differs."""
    if recorded is None or found is None:
        return f"{kind} {number} is {'missing' if recorded is None else 'unexpected'}"
    ours, theirs = _fields(recorded), _fields(found)
    name = next(name for name in ours if ours[name] != theirs[name])
    return f"{kind} {number}: {name} is {ours[name]!r} in run.db, but {theirs[name]!r} in the replay"


def _fields(row: Individual | GenerationRow) -> dict[str, Any]:
    """Field by field, genotypes as texts."""
    if isinstance(row, GenerationRow):
        return row._asdict()
    return {**vars(row), "genotype": str(row.genotype), "canonical": row.key}
