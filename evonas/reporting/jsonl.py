"""Writes every event as a line of JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evonas.core.events import Closed, Listener, Message, Warned
from evonas.evaluation.events import EvaluationDone, ImagesMeasured
from evonas.searching.events import Evaluated, GenerationDone, Progress, SearchStarted
from evonas.store.individual import Individual
from evonas.tabulating.events import NetworkTabulated, TabulationStarted
from evonas.training.events import EpochDone, StepDone, TrainingStarted
from spaces.errors import UsageError

if TYPE_CHECKING:
    pass

COUNTERS = ("generation", "births", "total_births", "evaluations", "total_evaluations", "cache_hits", "failures")


class JsonLines(Listener):
    """Appends one object per line to the file ``path``: ``time``, ``event`` and the facts of the event.

    Each line is one write to the operating system, so a killed process leaves complete lines; a torn line is ended
    before the next one. Non-finite numbers are null. If writing fails, ``warn`` is called once and the run
    continues without a log. Raises `UsageError` if the file cannot be written at all.
    """

    def __init__(self, path: Path, warn: Callable[[str], object] = lambda text: None) -> None:
        self.path, self.warn = path, warn
        self._lost = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 1))
                if file.read(1) not in (b"", b"\n"):  # a power loss may leave half a line
                    file.write(b"\n")
        except OSError as error:
            raise UsageError(
                f"--log cannot write {path}: {error.strerror or error}; choose a writable file"
            ) from None

    def started(self, event: SearchStarted) -> None:
        path, settings, progress, engine = event.path, event.settings, event.progress, event.engine
        stored, self._several = json.loads(settings.to_json()), len(event.objectives) > 1
        self._line("started", run=str(path), engine=engine, settings=stored, **_counters(progress))

    def evaluated(self, event: Evaluated) -> None:
        progress, best = event.progress, event.progress.best
        facts = {**_named(event.individual), "cached": event.individual.cached, "seconds": progress.seconds}
        leader = best and {"birth": best.birth, "score": best.score}
        self._line("evaluated", **facts, **_counters(progress), best=leader)

    def generation(self, event: GenerationDone) -> None:
        row, progress = event.row, event.progress
        facts = row._asdict()
        del facts["random_state"]
        facts |= {"front": [_named(one) for one in progress.front]} if self._several else {}
        self._line("generation", **facts, best_individual=progress.best and _named(progress.best))

    def training(self, event: TrainingStarted) -> None:
        path, settings, history, steps = event.path, event.settings, event.history, event.steps
        self._line("training", directory=str(path), settings=settings.as_dict(), epochs=len(history), steps=steps)

    def step(self, event: StepDone) -> None:
        epoch, done = event.epoch, event.done
        self._line("step", epoch=epoch, done=done)

    def epoch(self, event: EpochDone) -> None:
        row = event.row
        self._line("epoch", **row._asdict())

    def tabulation(self, event: TabulationStarted) -> None:
        self._line("tabulation", **asdict(event))

    def tabulated(self, event: NetworkTabulated) -> None:
        self._line("tabulated", **asdict(event))

    def measuring(self, event: ImagesMeasured) -> None:
        what, done, total = event.what, event.done, event.total
        self._line("measuring", what=what, done=done, total=total)

    def evaluation(self, event: EvaluationDone) -> None:
        self._line("evaluation", path=str(event.path), accuracies=dict(event.accuracies))

    def message(self, event: Message) -> None:
        text = event.text
        self._line("message", text=text)

    def warning(self, event: Warned) -> None:
        text = event.text
        self._line("warning", text=text)

    def closed(self, event: Closed) -> None:
        self._line("closed")

    def _line(self, event: str, **facts: Any) -> None:
        if self._lost:
            return
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        text = json.dumps(_finite({"time": now, "event": event, **facts}), allow_nan=False)
        try:
            with self.path.open("ab", buffering=0) as file:
                file.write(f"{text}\n".encode())
        except OSError as error:
            self._lost = True
            self.warn(
                f"{self.path} cannot be written: {error.strerror or error}; the run continues without this log"
            )


def _named(individual: Individual) -> dict[str, Any]:
    names = ("birth", "parent", "parents", "score", "params", "flops")
    return {"genotype": str(individual.genotype), **{name: getattr(individual, name) for name in names}}


def _counters(progress: Progress) -> dict[str, int | None]:
    return {name: getattr(progress, name) for name in COUNTERS}


def _finite(value: Any) -> Any:
    """``value`` with null for non-finite numbers."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
