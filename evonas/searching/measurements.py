"""Values that are measured on this machine, such as a latency: each network once, alone, and kept in the run.

They are measured in this process while no engine computes anything. What the run holds is never measured again,
so that a resumed search asks for the same births as one that was never interrupted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from evonas.engine.scores import score_chunk
from evonas.searching.constraint import constraints_of
from evonas.searching.objectives.fitness import Fitness
from evonas.searching.objectives.latency import uses_command
from evonas.searching.objectives.named import fitness_for
from evonas.store.hash_chain import CONDITIONS
from evonas.store.measurements import Measurement
from evonas.store.queries import Records
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from fitness import Score, Task
from spaces import EvonasError

Measuring = Callable[[Fitness, Any, Task], Score]
SAID_EVERY = 50  # measurements


def measure_here(fitness: Fitness, canonical: Any, task: Task) -> Score:
    """The value of a genotype in its canonical form, measured now."""
    (scores,) = score_chunk([canonical], fitness, task)
    return scores[fitness.objectives[0].name]


class Measurements:
    """The measured values of a run; ``measure`` makes those that it lacks.

    ``generation`` is the number of the generation that is under way. ``proceed`` is called before each measurement
    and may raise; ``say`` is told the progress.
    """

    def __init__(
        self,
        run: Run,
        task: Task,
        measure: Measuring,
        generation: Callable[[], int],
        proceed: Callable[[], object],
        say: Callable[[str], object],
    ) -> None:
        self._run, self._task, self._measure = run, task, measure
        self._generation, self._proceed, self._say = generation, proceed, say
        self._made: list[float] = []  # by this process

    def of(self, fitness: Fitness, genotype: Any) -> Score:
        """The value of a genotype, measured if the run does not have it."""
        if (known := self.known(fitness, genotype)) is not None:
            return known
        self._proceed()
        canonical, name = self._task.space.canonical(genotype), fitness.objectives[0].name
        score = self._measure(fitness, canonical, self._task)
        self._run.measured(Measurement(str(canonical), name, *score, self._generation()))
        self._progress(name, score)
        return score

    def known(self, fitness: Fitness, genotype: Any) -> Score | None:
        """The value of a genotype if the run has it."""
        canonical = self._task.space.canonical(genotype)
        found = self._run.measurement(str(canonical), fitness.objectives[0].name)
        return None if found is None else Score(found.value, found.reason, found.seconds)

    def values(self, parts: Sequence[Fitness], genotype: Any) -> dict[str, Score]:
        """The value of a genotype by each of ``parts``, by name."""
        return {part.objectives[0].name: self.of(part, genotype) for part in parts}

    def _progress(self, name: str, score: Score) -> None:
        self._made += [] if score.value is None else [score.value]
        if self._made and len(self._made) % SAID_EVERY == 0:
            low, high = min(self._made), max(self._made)
            self._say(f"{len(self._made)} networks measured, {name} from {low:.3g} to {high:.3g}")


def measured_parts(settings: SearchSettings) -> list[Fitness]:
    """The objectives and the limited values of a search that are measured."""
    limited = [one.fitness for one in constraints_of(settings)]
    return [part for part in (*fitness_for(settings).parts, *limited) if part.measured]


def doubts(settings: SearchSettings) -> list[str]:
    """Warnings before values are measured: of a machine that is busy, and of a value that is maximised."""
    parts = measured_parts(settings)
    warned = [
        f"{name} is maximised, so the slowest network wins; write -{name} for the fastest"
        for name, maximise in (part.objectives[0] for part in fitness_for(settings).parts if part.measured)
        if maximise
    ]
    return warned + busy([part for part in parts if not uses_command([part])])


def busy(parts: Sequence[Fitness]) -> list[str]:
    """A warning before ``parts`` are measured on this machine if other programs are running."""
    load, cores = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    if not parts or load < cores:
        return []
    name = parts[0].objectives[0].name
    running = f"other programs are running (load {load:.1f} on {cores} cores)"
    return [f"{running}: {name} will differ from one measurement to the next"]


def conditions(settings: SearchSettings) -> dict[str, Any]:
    """Where the values of a search are measured, as a fact of the run; none for a search that measures nothing."""
    found = _conditions(measured_parts(settings), settings.device)
    return {CONDITIONS: json.dumps(found)} if found else {}


def _conditions(parts: Iterable[Fitness], device: str) -> dict[str, dict[str, str]]:
    return {part.objectives[0].name: part.conditions(device) for part in parts}


def require_conditions(run: Records, settings: SearchSettings) -> None:
    """Raises `EvonasError` if the values of a run were measured on another machine or with other versions."""
    then = run.fact(CONDITIONS)
    for name, here in _conditions(measured_parts(settings), settings.device).items():
        if then.get(name) != here:
            raise EvonasError(
                f"{run.path} measured {name} on {_in_words(then.get(name))}, but this is {_in_words(here)}, whose "
                "values cannot be compared with them; resume it there, or start a new run"
            )


def _in_words(place: Any) -> str:
    if not isinstance(place, dict):
        return "another machine"
    machine, *versions = place.items()
    return f"{machine[1]} with {' and '.join(f'{name} {version}' for name, version in versions)}"
