"""The fitness ``latency``: milliseconds of a network for one image on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from evonas.core.provenance import chip
from evonas.searching.latency import DEFAULT, backends
from evonas.searching.latency.clock import RUNS, THREADS, WARMUP, milliseconds
from evonas.searching.objectives import fitness_kinds
from evonas.searching.objectives.fitness import Fitness, Objective
from fitness import NoScore, Score, Task
from spaces import Space

VERSION = 1


@fitness_kinds.register("latency")
@dataclass(frozen=True)
class Latency(Fitness):
    """Milliseconds of one image on this machine: `latency` by PyTorch, `latency:onnx` by ONNX Runtime."""

    backend: str = DEFAULT
    form: ClassVar[str] = "[BACKEND]"
    measured = True
    positive = True

    def __post_init__(self) -> None:
        _ = backends[self.backend]  # the error names the closest ones

    @property
    def text(self) -> str:
        return "latency" if self.backend == DEFAULT else f"latency:{self.backend}"

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective(self.text),)

    def identity(self) -> dict[str, Any]:
        how = {"backend": self.backend, "batch": 1, "warmup": WARMUP, "runs": RUNS, "threads": THREADS}
        return {self.text: {"version": VERSION, **how}}

    def conditions(self, device: str) -> dict[str, str]:
        backend = backends[self.backend]
        return {"machine": chip(backend.device(device)), backend.title: backend.version()}

    def changed(self, name: str, then: Any, now: Any) -> str:
        return f"was measured with {then} for {name!r}, but this version measures with {now}; start a new run"

    def check(self, space: Space) -> Sequence[str]:
        backends[self.backend].require()
        return ()

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        for genotype in genotypes:
            started, value, reason = time.perf_counter(), None, ""
            try:
                value = milliseconds(task.space.canonical(genotype), task, backends[self.backend])
            except NoScore as error:
                reason = str(error)
            yield {self.text: Score(value, reason, time.perf_counter() - started)}
