"""What is said of the cost of a search before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evonas.core.events import Message, Observer
from evonas.core.quantities import duration, plural
from evonas.engine import Engine
from evonas.searching.events import Progress
from evonas.searching.objectives.fitness import Fitness
from evonas.searching.passes import Passes
from fitness import Task


class Cost:
    """Says once what the slow parts of a fitness cost, and how many networks share a pass on a GPU."""

    def __init__(self, fitness: Fitness, task: Task, engine: Engine, observer: Observer) -> None:
        self.slow = [part for part in fitness.parts if part.slow]
        self._task, self._engine, self._observer = task, engine, observer
        self._said = False
        self._passes = Passes(fitness.names, task, engine, observer)

    def say(self, genotypes: Sequence[Any], progress: Progress) -> None:
        """What the evaluations that are left take if their genotypes are like ``genotypes``."""
        self._passes.say(genotypes)
        if not self.slow or self._said:
            return
        self._said = True
        seconds = [part.forecast(genotypes, self._task) for part in self.slow]
        each, left = sum(one for one in seconds if one is not None), progress.total - progress.done
        if each:
            names, workers = ", ".join(part.text for part in self.slow), min(self._engine.most_workers, left)
            shared = f", {duration(each * left / workers)} on {workers} workers" if workers > 1 else ""
            whole = f"at most {plural(left, 'genotype')}, {duration(each * left)} of computing{shared}"
            self._observer(Message(f"{names}: about {duration(each)} per genotype; {whole}"))
