"""The live view of a search in a terminal."""

from __future__ import annotations

import time
from pathlib import Path

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evonas.config import SearchSettings
from evonas.device import describe, peak_memory
from evonas.observer import Observer, Progress
from evonas.report.cells import draw
from evonas.report.plain import heading
from evonas.report.style import ASCII_SPARKS, SPARKS, count, duration, memory, number, sparkline
from evonas.rows import GenerationRow

REFRESH_PER_SECOND = 4
CELLS_HEIGHT = 11
FIXED_HEIGHT = 7  # title, bar, counters, sparkline, table head and rules
FEWEST_ROWS = 2
WIDE = 72  # columns; below, the view leaves out what would be cut


class LiveView(Observer):
    """Progress with rate and ETA, the generations as a table, the best genotype as cells."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.unicode = console.encoding.lower().startswith("utf")
        self._live: Live | None = None
        self._history: list[GenerationRow] = []
        self._note = ""

    def started(
        self, path: Path, settings: SearchSettings, progress: Progress, history: list[GenerationRow], engine: str
    ) -> None:
        self.path, self.settings = path, settings
        self.device = f"{describe(settings.device)}, {engine}"
        self._history = list(history)
        self._progress = self._start = progress
        self._began = time.monotonic()
        self._live = Live(
            console=self.console,
            get_renderable=self.render,
            refresh_per_second=REFRESH_PER_SECOND,
            transient=True,
            vertical_overflow="crop",
        )
        self._live.start()

    def evaluated(self, progress: Progress) -> None:
        self._progress = progress

    def generation(self, row: GenerationRow, progress: Progress) -> None:
        self._progress = progress
        self._history.append(row)

    def message(self, text: str) -> None:
        self._note = text

    def closed(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def render(self) -> RenderableType:
        """The whole view, fitted to the terminal's height."""
        width, height = self.console.size
        parts: list[RenderableType] = [self._title(), self._bar(width), self._counters(), self._spark(width)]
        best = self._progress.best
        cells = best is not None and height >= FIXED_HEIGHT + CELLS_HEIGHT + FEWEST_ROWS
        rows = max(FEWEST_ROWS, height - FIXED_HEIGHT - (CELLS_HEIGHT if cells else 0) - bool(self._note))
        parts.append(generations_table(self._history[-rows:], wide=width >= WIDE))
        if cells and best is not None:
            parts.append(self._cells(best.genotype))
        if self._note:
            parts.append(Text(self._note, style="yellow"))
        return Group(*parts)

    def _title(self) -> Text:
        title = Text("evonas ", style="bold", no_wrap=True, overflow="crop")
        return title.append(f"{self.path}  {heading(self.settings)}", style="dim")

    def _bar(self, width: int) -> RenderableType:
        done, total = self._progress.births, self._progress.total_births
        elapsed = time.monotonic() - self._began
        computed = self._progress.evaluations - self._start.evaluations
        births = done - self._start.births
        eta = duration(elapsed / births * (total - done)) if births else "-"
        rate = computed / elapsed if elapsed > 0 else 0.0
        speed = f"{rate:.1f}/s" if rate >= 1 else f"{duration(1 / rate)} each" if rate else "-"
        position = f"generation {max(self._progress.generation, 0)}/{self.settings.generations}"
        if width < WIDE:
            return Text(f"{position} {done}/{total} ETA {eta}", style="bold", no_wrap=True, overflow="crop")
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            Text(position, style="bold"),
            ProgressBar(total=total, completed=done, width=max(10, width - 66)),
            Text(f"{done}/{total}"),
            Text(f"{speed}, ETA {eta}", style="cyan"),
        )
        return grid

    def _counters(self) -> Text:
        # imported here: tables of this file are shown by commands that need no PyTorch
        from fitness.composite import is_composite

        progress, best = self._progress, self._progress.best
        text = Text(no_wrap=True, overflow="crop")
        text.append(f"{progress.evaluations} evaluations, {progress.cache_hits} cache hits")
        if progress.failures:
            text.append(f", {progress.failures} without score", style="red")
        if best is not None:
            text.append(f" | best {number(best.score)}", style="bold green")
            text.append(f" ({count(best.params)} params, {count(best.flops)} FLOPs)")
        elif is_composite(self.settings.proxy) and not self._history:
            text.append(" | best: once the first population is scored", style="dim")
        return text.append(f" | {self.device}, {memory(peak_memory(self.settings.device))}", style="dim")

    def _spark(self, width: int) -> Text:
        sparks = SPARKS if self.unicode else ASCII_SPARKS
        mean = [row.mean for row in self._history if row.mean is not None]
        return Text.assemble(
            ("mean of the population ", "dim"),
            (sparkline(mean, max(0, width - 24), sparks), "magenta"),
            no_wrap=True,
        )

    def _cells(self, genotype: object) -> RenderableType:
        return cell_panels(genotype, self.unicode)


def cell_panels(genotype: object, unicode: bool = True) -> RenderableType:
    """The cells of a genotype side by side."""
    return Columns(
        [
            Panel(drawing, title=title, title_align="left", border_style="dim", expand=False)
            for title, drawing in draw(genotype, unicode)
        ]
    )


def generations_table(history: list[GenerationRow], wide: bool = True) -> Table:
    """Best, mean and spread per generation; without ``wide`` only what fits 40 columns."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    names = ("gen", "best", "mean", "std", "best so far", "evaluated", "cached", "time")
    columns = len(names) if wide else 3
    for name in names[:columns]:
        table.add_column(name, justify="right", no_wrap=True, overflow="crop")
    for row in history:
        values = [number(value) for value in (row.best, row.mean, row.std, row.best_so_far)]
        cells = [str(row.generation), *values, str(row.evaluations), str(row.cache_hits), duration(row.seconds)]
        table.add_row(*cells[:columns])
    return table
