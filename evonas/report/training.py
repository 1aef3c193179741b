"""The live view of a training in a terminal, and how a training is summed up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evonas.device import describe, peak_memory
from evonas.final.metrics import EpochRow
from evonas.observer import Observer
from evonas.report.plain import training_heading
from evonas.report.style import ASCII_SPARKS, SPARKS, duration, memory, percent, sparkline

if TYPE_CHECKING:
    from evonas.final.settings import TrainSettings
    from evonas.final.training import Trained

REFRESH_PER_SECOND = 4
FIXED_HEIGHT = 6  # title, bar, sparkline, table head, note
FEWEST_ROWS = 2
WIDE = 72


class TrainingView(Observer):
    """Progress with images a second and ETA, and the epochs as a table."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.unicode = console.encoding.lower().startswith("utf")
        self._live: Live | None = None
        self._note = ""

    def training(self, path: Path, settings: TrainSettings, history: list[EpochRow], steps: int) -> None:
        self.path, self.settings, self.steps = path, settings, steps
        self._history = list(history)
        self._epoch, self._done = len(history) + 1, 0
        self._began, self._through = time.monotonic(), 0  # steps of this process
        self._live = Live(
            console=self.console,
            get_renderable=self.render,
            refresh_per_second=REFRESH_PER_SECOND,
            transient=True,
            vertical_overflow="crop",
        )
        self._live.start()

    def step(self, epoch: int, done: int) -> None:
        self._epoch, self._done = epoch, done
        self._through += 1

    def epoch(self, row: EpochRow) -> None:
        self._history.append(row)
        self._epoch, self._done = row.epoch + 1, 0

    def message(self, text: str) -> None:
        self._note = text

    def closed(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def render(self) -> RenderableType:
        """The whole view, fitted to the terminal's height."""
        width, height = self.console.size
        accuracies = [row.validation for row in self._history]
        sparks = SPARKS if self.unicode else ASCII_SPARKS
        parts: list[RenderableType] = [
            Text.assemble(
                ("evonas ", "bold"),
                (f"{self.path.parent}  {training_heading(self.settings)}", "dim"),
                no_wrap=True,
                overflow="crop",
            ),
            self._bar(width),
            Text.assemble(
                ("validation accuracy ", "dim"),
                (sparkline(accuracies, max(0, width - 24), sparks), "magenta"),
                no_wrap=True,
            ),
            epochs_table(self._history[-max(FEWEST_ROWS, height - FIXED_HEIGHT) :], wide=width >= WIDE),
        ]
        if self._note:
            parts.append(Text(self._note, style="yellow"))
        return Group(*parts)

    def _bar(self, width: int) -> RenderableType:
        recipe = self.settings.chosen
        total = recipe.epochs * self.steps
        done = (self._epoch - 1) * self.steps + self._done
        elapsed = time.monotonic() - self._began
        each = elapsed / self._through if self._through else 0.0
        eta = duration(each * (total - done)) if each else "-"
        speed = f"{(recipe.batch_size or 0) / each:.0f} images/s" if each else "-"
        position = f"epoch {min(self._epoch, recipe.epochs)}/{recipe.epochs}"
        if width < WIDE:
            return Text(f"{position} ETA {eta}", style="bold", no_wrap=True, overflow="crop")
        device = f"{describe(self.settings.device)}, {memory(peak_memory(self.settings.device))}"
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            Text(position, style="bold"),
            ProgressBar(total=total, completed=done, width=max(10, width - 66)),
            Text(f"{speed}, ETA {eta}", style="cyan", no_wrap=True),
            Text(device, style="dim", no_wrap=True, overflow="crop"),
        )
        return grid


def epochs_table(history: Sequence[EpochRow], wide: bool = True) -> Table:
    """Loss and accuracies per epoch; without ``wide`` only what fits 40 columns."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    robust = any(row.robust is not None for row in history)
    for name in (
        "epoch",
        "validation",
        *(["PGD-10"] if robust else []),
        *(["loss", "train", "lr", "time"] if wide else []),
    ):
        table.add_column(name, justify="right", no_wrap=True, overflow="crop")
    for row in history:
        cells = [str(row.epoch), percent(row.validation), *([percent(row.robust)] if robust else [])]
        if wide:
            cells += [f"{row.loss:.4f}", percent(row.accuracy), f"{row.lr:.3g}", duration(row.seconds)]
        table.add_row(*cells)
    return table


def trained(result: Trained, test: dict[str, float], advise: bool = True) -> RenderableType:
    """The end of a training; with ``advise`` the command that would follow."""
    best = result.best
    robust = "" if best.robust is None else f", {percent(best.robust)} under PGD-10"
    what_next = [Text(f"what it withstands: evonas evaluate {result.directory.parent}", style="yellow")]
    return Group(
        Text(f"{len(result.history)} epochs in {duration(result.seconds)}", style="dim"),
        Text(
            f"test accuracy {percent(test['accuracy'])} of {test['n']:.0f} images "
            f"(epoch {best.epoch}, the best on the images held out: {percent(best.validation)}{robust})",
            style="bold green",
        ),
        Text(f"saved in {result.checkpoint}", style="dim"),
        *(what_next if advise else []),
    )
