"""What every tracker of experiments is told, and that it never stops a run."""

from __future__ import annotations

import dataclasses
import json
import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from evonas.core.events import Closed, Listener
from evonas.evaluation.events import EvaluationDone
from evonas.searching.events import GenerationDone, SearchStarted
from evonas.tabulating.events import NetworkTabulated
from evonas.training.events import EpochDone, TrainingStarted

SCORES = ("best", "mean", "std", "best_so_far", "evaluations", "cache_hits")
EPOCHS = ("lr", "loss", "accuracy", "validation", "robust", "seconds")
STAGE = "train"  # the directory of a training in a run; others are next to it or inside

Parameters = Mapping[str, str | int | float | bool]


class Tracker(Listener):
    """Settings as parameters; numbers of generations, epochs and evaluations as metrics with their steps.

    Stages of one run are one run of the tracker. If a tracker raises anything, ``warn`` is called once and the
    tracker is told nothing more.
    """

    title: ClassVar[str]

    def __init__(self, place: str, warn: Callable[[str], object] = lambda text: None) -> None:
        self.place, self.warn = place, warn
        self._run: Path | None = None
        self._stage = ""
        self._lost = False

    @abstractmethod
    def begin(self, run: Path) -> None:
        """Start, or continue, the tracker's run for the directory ``run``."""

    @abstractmethod
    def parameters(self, values: Parameters) -> None:
        """Record parameters by name."""

    @abstractmethod
    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record finite numbers by name."""

    @abstractmethod
    def end(self) -> None:
        """A stage has ended; another one may follow."""

    def started(self, event: SearchStarted) -> None:
        settings = json.loads(event.settings.to_json())
        self._tell(lambda: self._enter(event.path, "search", settings))

    def generation(self, event: GenerationDone) -> None:
        row = event.row
        self._record("search", {name: getattr(row, name) for name in SCORES}, row.generation)

    def training(self, event: TrainingStarted) -> None:
        run, self._stage = _of(event.path)
        self._tell(lambda: self._enter(run, self._stage, event.settings.as_dict()))

    def epoch(self, event: EpochDone) -> None:
        row = event.row
        self._record(self._stage or STAGE, {name: getattr(row, name) for name in EPOCHS}, row.epoch)

    def evaluation(self, event: EvaluationDone) -> None:
        self._tell(lambda: self._enter(event.path.parent, "evaluation", event.settings))
        self._record("evaluation", event.accuracies, 0)

    def tabulated(self, event: NetworkTabulated) -> None:
        if self._run is not None:
            self._record("table", event.values, event.done)

    def closed(self, event: Closed) -> None:
        if self._run is not None:
            self._tell(self.end)

    def _enter(self, run: Path, stage: str, settings: Mapping[str, Any]) -> None:
        if run != self._run:
            self._run = run
            self.begin(run)
        self.parameters(dict(_flat(settings, stage)))

    def _record(self, stage: str, values: Mapping[str, float | None], step: int) -> None:
        kept = {f"{stage}/{name}": value for name, value in values.items() if value is not None}
        finite = {name: float(value) for name, value in kept.items() if math.isfinite(value)}
        if finite and self._run is not None:
            self._tell(lambda: self.metrics(finite, step))

    def _tell(self, act: Callable[[], None]) -> None:
        if self._lost:
            return
        try:
            act()
        except (Exception, SystemExit) as error:  # of another program: it may raise anything, and even exit
            self._lost = True
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            self.warn(f"{self.title} cannot record: {reason}; the run continues without it")


def _of(training: Path) -> tuple[Path, str]:
    """The run that a training belongs to, and the name of its stage: ``train``, ``train/retrain-1``, ..."""
    for above in (training, *training.parents):
        if above.name.partition(".")[0] == STAGE:
            return above.parent, training.relative_to(above.parent).as_posix()
    return training, STAGE


def _flat(value: Any, name: str) -> Iterator[tuple[str, str | int | float | bool]]:
    """Scalars by path; lists as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}")
    elif isinstance(value, str | int | float | bool):
        yield name, value
    elif value is not None:
        yield name, json.dumps(value)
