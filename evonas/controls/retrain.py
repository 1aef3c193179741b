"""Trains a genotype again with the next seeds, on an engine."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evonas.core.events import Closed, Event, Listener, Message, Observer
from evonas.core.files import read_json
from evonas.core.shell import command
from evonas.core.signals import Interrupted, resumable
from evonas.engine import Engine, InProcess
from evonas.evaluation.columns import CLEAN
from evonas.tabulating.job import Job, Outcome, failure
from evonas.tabulating.trainer import one_thread
from evonas.tabulating.work import Work
from evonas.training import train_stage as stage
from evonas.training.parallel import alone
from evonas.training.paths import DIRECTORY, RESULT
from evonas.training.retrainings import Retraining, plan, retrainings, test_accuracy
from evonas.training.settings import TrainSettings
from spaces.errors import UsageError


@dataclass(frozen=True, eq=False)
class Retrainer:
    """Trains one genotype with other seeds, each in a directory of its own, on one thread of a CPU or one GPU."""

    settings: TrainSettings  # of the first training
    places: dict[int, Path]  # by seed
    tell: Observer = field(default_factory=Listener)  # hears messages

    def __getstate__(self) -> dict[str, Any]:
        """Without the observer."""
        return {"settings": self.settings, "places": self.places, "tell": Listener()}

    def __call__(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """The test accuracy of each training, or why it failed."""
        for job in jobs:
            started = time.perf_counter()
            values: dict[str, float] = {}
            reason, final = "", True
            try:
                with one_thread(self.settings.device):
                    run = self.places[job.seed]
                    stage.retrain(dataclasses.replace(self.settings, seed=job.seed), run, self._messages)
                    values = {CLEAN: test_accuracy(run)}
            except Exception as error:
                reason, final = failure(error)
            yield Outcome(job, values, reason, time.perf_counter() - started, final)

    def _messages(self, event: Event) -> None:
        if isinstance(event, Message):
            self.tell(event)


def require_alone(count: int | None) -> None:
    """Raises `UsageError` for several trainings where processes train together."""
    if count is not None and count > 1 and not alone():
        raise UsageError("several processes that train together train one network; leave out --seeds")


def retrain(run: Path, count: int | None, observer: Observer, engine: Engine | None) -> list[Retraining]:
    """Train the genotype of the finished training in ``run`` ``count`` times in all, by default as planned before.

    Finished trainings are kept, and their number can only grow. One that fails is recorded with its reason.
    Raises `UsageError` for fewer than before, `EvonasError` for a full disk, `Interrupted` after SIGINT or
    SIGTERM.
    """
    directory = run / DIRECTORY
    if count is not None:
        plan(run, count)
    planned = retrainings(directory)
    missing = {one.seed: one for one in planned if not one.finished and not one.reason}
    if not missing:
        return planned
    settings = stage.settings_of(run)
    first = float((read_json(directory / RESULT) or {}).get("seconds", 0.0))
    jobs = [Job(settings.genotype, seed) for seed in missing]
    engine = engine.patient() if engine is not None and engine.shares_files else InProcess()
    places = {seed: one.run.absolute() for seed, one in missing.items()}
    retrainer = Retrainer(settings, places, observer)

    def keep(outcome: Outcome) -> None:
        if outcome.reason and outcome.final:
            missing[outcome.job.seed].fail(outcome.reason)

    work = Work(
        str(directory / "retrainings"), 1, len(planned), jobs, dict.fromkeys(jobs, first) if first else None
    )
    advice = f"Resume with: {command('resume', run)}"
    with resumable(advice):
        try:
            work.do(retrainer, engine, settings.device, observer, keep)
        except Interrupted:
            raise Interrupted(f"interrupted; finished work is saved. {advice}") from None
        finally:
            observer(Closed())
    return planned
