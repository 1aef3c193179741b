"""How many networks a GPU scores in one pass, which is said once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from evonas.core.events import Message, Observer
from evonas.core.quantities import memory
from evonas.engine import Engine
from fitness import Task
from fitness.population.fitting import bytes_each, fitting


class Passes:
    """Says once what the memory of a GPU holds; on a CPU it says nothing."""

    def __init__(self, names: Sequence[str], task: Task, engine: Engine, observer: Observer) -> None:
        self._names, self._task, self._engine, self._observer = names, task, engine, observer
        self._said = False

    def say(self, genotypes: Sequence[Any]) -> None:
        """What is expected of genotypes like ``genotypes``."""
        populations, device = self._task.populations, self._task.device
        if self._said or populations is None or populations.networks == 1 or device == "cpu":
            return
        self._said = True
        each = bytes_each(genotypes, self._names, self._task)
        if each is None:
            return
        if self._engine.most_workers > 1 or self._engine.processes() != [os.getpid()]:
            holds = f"up to {populations.networks} networks per pass, as the memory of each worker's GPU allows"
            self._observer(Message(f"scoring {holds}: {memory(each)} per network"))
            return
        networks, budget = fitting(each, populations, device)
        of = "" if budget is None else f" of {memory(budget)} on {device}"
        self._observer(Message(f"scoring up to {networks} networks per pass: {memory(each)} each{of}"))
