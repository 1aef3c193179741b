"""One plain line per event, for logs, pipes and dumb terminals."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.core.events import Listener, Message, Warned
from evonas.core.quantities import count, duration, number, percent
from evonas.evaluation.events import ImagesMeasured
from evonas.reporting.trainings import cost, eta, network
from evonas.searching.events import Evaluated, GenerationDone, SearchStarted
from evonas.store.length import length
from evonas.store.settings import SearchSettings
from evonas.tabulating.events import NetworkTabulated, TabulationStarted
from evonas.training.events import EpochDone, StepDone, TrainingStarted

if TYPE_CHECKING:
    from evonas.training.settings import TrainSettings

SECONDS_BETWEEN_LINES = 30.0  # while a generation is scored


def heading(settings: SearchSettings) -> str:
    """The main settings in one line."""
    joint = " by joint ranks" if settings.joint else ""
    tournament = "" if settings.tournament is None else f"tournament {settings.tournament}, "
    return (
        f"{settings.space}, {settings.fitness}{joint} on {settings.dataset} (batch {settings.batch_size}), "
        f"C={settings.channels}, L={settings.layers}, population {settings.population}, "
        f"{tournament}children {settings.children}, "
        f"{length(settings)}, seed {settings.seed}, {settings.device}"
    )


def training_heading(settings: TrainSettings) -> str:
    """The main settings of a training in one line."""
    recipe = settings.chosen
    adversary = "" if recipe.adversary == "none" else f", {recipe.adversary} {recipe.eps:g}/255"
    adversary += f", certified at {recipe.eps:g}/255" if recipe.is_certified else ""
    adversary += f", noise {recipe.sigma:g}" if recipe.sigma else ""
    return (
        f"{settings.recipe}: {recipe.epochs} epochs, batch {recipe.batch_size}, lr {recipe.lr:g} {recipe.schedule}"
        f"{adversary} on {settings.dataset}, C={settings.channels}, L={settings.layers}, seed {settings.seed}, "
        f"{settings.device}, {settings.precision}"
    )


class PlainLines(Listener):
    """Writes each event as one line with ``write``."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write
        self._last = time.monotonic()

    def _line(self, text: str) -> None:
        self._last = time.monotonic()
        self.write(text)

    def started(self, event: SearchStarted) -> None:
        path, settings, history, engine = event.path, event.settings, event.history, event.engine
        self._several, self._latest = len(event.objectives) > 1, event.latest
        self._line(f"run {path}")
        self._line(f"{heading(settings)}; computed by: {engine}")
        if history:
            self._line(f"continuing after generation {history[-1].generation}")

    def evaluated(self, event: Evaluated) -> None:
        progress = event.progress
        if time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._line(
                f"  generation {progress.generation}: {progress.done} of {progress.total} {progress.unit}, "
                f"{duration(progress.seconds)} per evaluation"
            )

    def generation(self, event: GenerationDone) -> None:
        row, progress = event.row, event.progress
        best = progress.best
        size = f", params {count(best.params)}" if best else ""
        size += f", front {len(progress.front)}" if self._several else ""
        scores = f"best {number(row.best)}, mean {number(row.mean)}, std {number(row.std)}"
        scores += f", best so far {number(row.best_so_far)}"
        self._line(
            f"generation {row.generation}: {f'score {number(row.best)}' if self._latest else scores}{size}, "
            f"{row.evaluations} evaluations, {row.cache_hits} cache hits, {duration(row.seconds)}"
        )

    def training(self, event: TrainingStarted) -> None:
        path, settings, history, steps = event.path, event.settings, event.history, event.steps
        self._line(f"training in {path}")
        self._line(training_heading(settings))
        self._steps, self._epochs, self._judged = steps, settings.chosen.epochs, settings.chosen.judged
        if history:
            self._line(f"continuing after epoch {history[-1].epoch}")

    def step(self, event: StepDone) -> None:
        epoch, done = event.epoch, event.done
        if time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._line(f"  epoch {epoch}: {done} of {self._steps} steps")

    def epoch(self, event: EpochDone) -> None:
        row = event.row
        robust = "" if row.robust is None else f", {self._judged.removeprefix('under ')} {percent(row.robust)}"
        self._line(
            f"epoch {row.epoch} of {self._epochs}: validation {percent(row.validation)}{robust}, "
            f"loss {row.loss:.4f}, training {percent(row.accuracy)}, {duration(row.seconds)}"
        )

    def tabulation(self, event: TabulationStarted) -> None:
        self._line(cost(event))

    def tabulated(self, event: NetworkTabulated) -> None:
        said = f"{network(event)}, {eta(event.remaining)}"
        self._line(f"{event.done} of {event.total}, seed {event.seed}: {said}")

    def measuring(self, event: ImagesMeasured) -> None:
        what, done, total = event.what, event.done, event.total
        if done >= total or time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._line(f"  {what}: {done} of {total} images")

    def message(self, event: Message) -> None:
        text = event.text
        self._line(text)

    def warning(self, event: Warned) -> None:
        text = event.text
        self._line(f"warning: {text}")


class LogFile(PlainLines):
    """The same lines with a time stamp, appended to a file; a full disk never stops a search."""

    def __init__(self) -> None:
        super().__init__(self._append)
        self._path: Path | None = None
        self._early: list[str] = []  # lines from before there is a directory
        self._failed = False

    def started(self, event: SearchStarted) -> None:
        self._begin(event.path / "run.log")
        super().started(event)

    def training(self, event: TrainingStarted) -> None:
        self._begin(event.path.parent / "run.log")
        super().training(event)

    def _begin(self, path: Path) -> None:
        self._path, self._failed = path, False

    def _append(self, text: str) -> None:
        if self._failed:
            return
        self._early.append(f"{datetime.now():%Y-%m-%d %H:%M:%S} {text}\n")
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(self._early)
        except OSError:
            self._failed = True  # the log is optional; failures of run.db are reported separately
        self._early.clear()
