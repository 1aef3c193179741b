"""The fitness ``latency-model:PATH``: a latency by a table of the cost of each operation; nothing is measured."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from evonas.searching.latency.model import LatencyModel
from evonas.searching.objectives import fitness_kinds
from evonas.searching.objectives.fitness import MOVED, Fitness, Objective
from evonas.store.settings import SearchSettings
from fitness import Score, Task
from spaces import Space, UsageError
from spaces.size import CIFAR

VERSION = 1
SIZES = ("channels", "layers", "image_size", "stem")
_ADVICE = f"{MOVED}, under the same file name"


@fitness_kinds.register("latency-model")
@dataclass(frozen=True)
class ModelledLatency(Fitness):
    """A latency by the costs of operations that `evonas latency-model` found in a table of latencies."""

    argument: str
    settings: SearchSettings | None = field(default=None, compare=False)  # of the search
    form: ClassVar[str] = "PATH"

    @cached_property
    def content(self) -> LatencyModel:
        """What the file says. Raises `UsageError` if it cannot be read or is not such a file."""
        return LatencyModel.read(Path(self.argument), _ADVICE)

    def __getstate__(self) -> dict[str, Any]:
        return {"argument": self.argument, "content": self.content}  # workers do not read it again

    def within(self, settings: SearchSettings) -> Fitness:
        return replace(self, settings=settings)

    @property
    def text(self) -> str:
        return f"latency-model:{self.argument}"

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(f"latency-model:{Path(self.argument).stem}"),)

    def identity(self) -> dict[str, Any]:
        return {self.objectives[0].name: {"version": VERSION, "sha256": self.content.sha256}}

    def changed(self, name: str, then: Any, now: Any) -> str:
        other = then.get("sha256") if isinstance(then, dict) else then
        was, now_is = f"{str(other)[:12]}...", f"{self.content.sha256[:12]}..."
        return (
            f"was scored by another latency model: the SHA-256 in {self.argument} is {now_is}, it was {was}; "
            f"restore the file ({_ADVICE}), or start a new run"
        )

    def check(self, space: Space) -> Sequence[str]:
        if self.content.space != space.name:
            raise UsageError(
                f"{self.argument} was fitted in the space {self.content.space}, so it has no costs for genotypes "
                f"of {space.name}"
            )
        return self._doubts()

    def _doubts(self) -> Sequence[str]:
        """A warning if the networks of the search have another size than those that were measured."""
        fitted, searched = self.content.settings, self.settings
        if not fitted or searched is None:
            return ()
        pairs = {name: (fitted.get(name, CIFAR), getattr(searched, name)) for name in SIZES}
        other = {name: pair for name, pair in pairs.items() if pair[1] not in (None, pair[0])}
        if not other:
            return ()
        then, now = (", ".join(f"{name} {pair[i]}" for name, pair in other.items()) for i in (0, 1))
        return [f"{self.argument} was fitted on networks of {then}, and those of this search have {now}"]

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        name = self.objectives[0].name
        for genotype in genotypes:
            started, value, reason = time.perf_counter(), None, ""
            try:
                value = self.content.of(task.space.canonical(genotype), task.space)
            except KeyError as error:
                reason = f"{self.argument} has no cost of {error.args[0]}"
            yield {name: Score(value, reason, time.perf_counter() - started)}
