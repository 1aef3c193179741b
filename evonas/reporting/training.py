"""The live view and the summary of a training in a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evonas.core.devices import describe, peak_memory
from evonas.core.quantities import duration, memory, percent, plural
from evonas.core.shell import command
from evonas.evaluation.unattacked import tested
from evonas.reporting.columns import add_fitting_rows, in_room
from evonas.reporting.live import HEAD, TALL, Spark
from evonas.reporting.plain import training_heading
from evonas.reporting.retrained import notes, test_accuracies
from evonas.reporting.screen import ScreenView
from evonas.training.events import EpochDone, StepDone, TrainingStarted
from evonas.training.metrics import EpochRow

if TYPE_CHECKING:
    from evonas.training.training import Trained

MIN_TABLE_ROWS = 2
WIDE = 72


class TrainingView(ScreenView):
    """Progress with images per second and ETA, and a table of epochs."""

    def training(self, event: TrainingStarted) -> None:
        path, settings, history, steps = event.path, event.settings, event.history, event.steps
        self.path, self.settings, self.steps = path, settings, steps
        self._history = list(history)
        self._epoch, self._done = len(history) + 1, 0
        self._began, self._through = time.monotonic(), 0  # steps of this process
        self.open()

    def step(self, event: StepDone) -> None:
        epoch, done = event.epoch, event.done
        self._epoch, self._done = epoch, done
        self._through += 1

    def epoch(self, event: EpochDone) -> None:
        row = event.row
        self._history.append(row)
        self._epoch, self._done = row.epoch + 1, 0

    def render(self) -> RenderableType:
        """The whole view, fitted to the size of the terminal."""
        width, height = self.console.size
        roomy = width >= WIDE and height >= TALL
        accuracies = [row.validation for row in self._history]
        title = Text.assemble(("evonas ", "bold"), str(self.path.parent), no_wrap=True, overflow="ellipsis")
        parts: list[RenderableType] = [
            title,
            *([Text(training_heading(self.settings), style="dim")] if roomy else []),
            *self._bar(width),
            Spark("validation accuracy", accuracies, max(0, width - 24)),
        ]
        room = height - self.lines(*parts, *self.note()) - HEAD
        judged = self.settings.chosen.judged.removeprefix("under ")
        table = epochs_table(self._history[-max(MIN_TABLE_ROWS, room) :], width, judged)
        return Group(*parts, table, *self.note())

    def _bar(self, width: int) -> list[RenderableType]:
        recipe = self.settings.chosen
        total = recipe.epochs * self.steps
        done = (self._epoch - 1) * self.steps + self._done
        elapsed = time.monotonic() - self._began
        each = elapsed / self._through if self._through else 0.0
        eta = duration(each * (total - done)) if each else "-"
        speed = f"{(recipe.batch_size or 0) / each:.0f} images/s" if each else "-"
        position = f"epoch {min(self._epoch, recipe.epochs)}/{recipe.epochs}"
        if width < WIDE:
            return [Text(in_room((position, f"ETA {eta}"), width), style="bold")]
        device = f"{describe(self.settings.device)}, {memory(peak_memory(self.settings.device))}"
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            Text(position, style="bold"),
            ProgressBar(total=total, completed=done, width=max(10, width - 66)),
            Text(f"{speed}, ETA {eta}", style="cyan", no_wrap=True),
        )
        return [grid, Text(device, style="dim", no_wrap=True, overflow="ellipsis")]


def epochs_table(history: Sequence[EpochRow], width: int, judged: str) -> Table:
    """Accuracies and loss per epoch, and more columns if ``width`` allows; ``judged`` heads the robust one."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    robust = any(row.robust is not None for row in history)
    names = ("epoch", "validation", *([judged] if robust else []), "loss", "train", "lr", "time")
    rows = []
    for row in history:
        cells = [str(row.epoch), percent(row.validation), *([percent(row.robust)] if robust else [])]
        cells += [f"{row.loss:.4f}", percent(row.accuracy), f"{row.lr:.3g}", duration(row.seconds)]
        rows.append(cells)
    add_fitting_rows(table, names, rows, width)
    return table


def trained(result: Trained, test: dict[str, float], advise: bool = True) -> RenderableType:
    """The summary of a training; with ``advise`` that over retrainings, which an evaluation has, and a command."""
    best, several = result.best, tested(result.directory) if advise else None
    robust = "" if best.robust is None else f", {percent(best.robust)} {result.settings.chosen.judged}"
    what_next = [
        Text(f"evaluate its robustness with: {command('evaluate', result.directory.parent)}", style="yellow")
    ]
    return Group(
        Text(f"{plural(len(result.history), 'epoch')} in {duration(result.seconds)}", style="dim"),
        Text(
            f"test accuracy {percent(test['accuracy'])} of {test['n']:.0f} images "
            f"(best epoch {best.epoch}, validation accuracy {percent(best.validation)}{robust})",
            style="bold green",
        ),
        *([] if several is None else [Text(test_accuracies(several), style="bold green")]),
        *([] if several is None else [Text(line, style="yellow") for line in notes(several)]),
        Text(f"saved in {result.checkpoint}", style="dim"),
        *(what_next if advise else []),
    )
