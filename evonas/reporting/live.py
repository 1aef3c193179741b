"""The live view of a search in a terminal."""

from __future__ import annotations

import time

from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evonas.core.devices import describe, peak_memory
from evonas.core.quantities import count, duration, memory, number
from evonas.reporting.cells import draw
from evonas.reporting.columns import ENDLESS, USUAL, add_fitting_rows, in_room
from evonas.reporting.fronts import headline_text
from evonas.reporting.plain import heading
from evonas.reporting.population import population_table
from evonas.reporting.screen import ScreenView
from evonas.reporting.style import ASCII_SPARKS, SPARKS, sparkline
from evonas.searching.events import Evaluated, GenerationDone, SearchStarted
from evonas.store.individual import Individual
from evonas.store.schema import GenerationRow
from spaces import Space, spaces

SECONDS_A_SCREEN = 6
SCREENS = ("best cell", "population")
MIN_TABLE_ROWS = 2
WIDE = 72  # columns; below, the view leaves out what would be cut
TALL = 16  # lines; below, the same
SIDE_BY_SIDE = 150  # columns for both tables
HEAD = 1  # line of a table
FRAME = 4  # columns around a cell


class LiveView(ScreenView):
    """Progress with rate and ETA above two alternating screens: the best genotype's cells, the population.

    A large terminal shows both.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._history: list[GenerationRow] = []
        self._first: list[Individual] = []  # of the first population, until it is complete

    def started(self, event: SearchStarted) -> None:
        settings, progress = event.settings, event.progress
        self.path, self.settings = event.path, settings
        self.device = f"{describe(settings.device)}, {event.engine}"
        self._objectives, self._latest = event.objectives, event.latest
        self._history = list(event.history)
        self._progress = self._start = progress
        self._began = time.monotonic()
        self.open()

    def evaluated(self, event: Evaluated) -> None:
        self._progress = event.progress
        if not self._progress.population:
            self._first.append(event.individual)

    def generation(self, event: GenerationDone) -> None:
        row, progress = event.row, event.progress
        self._progress = progress
        self._history.append(row)

    def render(self, screen: int | None = None) -> RenderableType:
        """The whole view; ``screen`` is the one to show, by default they alternate."""
        width, height = self.console.size
        roomy = width >= WIDE and height >= TALL
        parts: list[RenderableType] = [*self._title(roomy), self._bar(width), *self._counters(roomy)]
        if self._history:
            parts.append(self._spark(width))
        room = height - self.lines(*parts, *self.note())
        if screen is None:
            screen = int((time.monotonic() - self._began) / SECONDS_A_SCREEN) % len(SCREENS)
        best = self._progress.best
        shown = (width, room, screen, best and best.birth, len(self._history), len(self._first))
        body = self.kept(shown, lambda: self._body(width, room, screen))
        return Group(*parts, body, *self.note())

    def _body(self, width: int, room: int, screen: int) -> list[RenderableType]:
        best = self._progress.best
        cells = None if best is None else cell_panels(spaces[self.settings.space], best.genotype)
        needed = self.lines(cells) if cells is not None else 0
        rows = room - needed - HEAD
        if cells is not None and width >= SIDE_BY_SIDE and rows > 2 * MIN_TABLE_ROWS:
            left = self._generations(rows, width)
            grid = Table.grid(padding=(0, 3))
            grid.add_row(left, self._population(width - self.console.measure(left).maximum - 3, rows))
            return [grid, cells]
        if room - 2 * HEAD < MIN_TABLE_ROWS or width < WIDE:
            return [self._generations(max(MIN_TABLE_ROWS, room - HEAD), width)]
        if screen == 1:
            return [self._tabs(screen), self._population(width, room - 2 * HEAD)]
        fits = cells is not None and rows > MIN_TABLE_ROWS
        table = self._generations(rows - HEAD if fits else room - 2 * HEAD, width)
        return [self._tabs(screen), table, *([cells] if fits and cells is not None else [])]

    def _tabs(self, screen: int) -> Text:
        """The names of the screens, the current one in reverse video."""
        text = Text(no_wrap=True, overflow="crop")
        for i, name in enumerate(("latest cell" if self._latest else SCREENS[0], *SCREENS[1:])):
            text.append(f"[{name}]" if i == screen else f" {name} ", style="bold" if i == screen else "dim")
            text.append(" ")
        return text

    def _generations(self, rows: int, width: int) -> Table:
        return generations_table(self._history[-rows:], width, self._latest)

    def _population(self, width: int, rows: int) -> Table:
        progress = self._progress
        alive = progress.population or self._first
        best, first = progress.best.birth if progress.best else None, self._objectives[0]
        return population_table(alive, spaces[self.settings.space], rows, width, best, first.maximise)

    def _title(self, roomy: bool) -> list[Text]:
        title = Text.assemble(("evonas ", "bold"), str(self.path), no_wrap=True, overflow="ellipsis")
        return [title, Text(heading(self.settings), style="dim")] if roomy else [title]

    def _bar(self, width: int) -> RenderableType:
        done, total = self._progress.done, self._progress.total
        elapsed = time.monotonic() - self._began
        computed = self._progress.evaluations - self._start.evaluations
        newly = done - self._start.done
        eta = duration(elapsed / newly * (total - done)) if newly else "-"
        rate = computed / elapsed if elapsed > 0 else 0.0
        speed = f"{rate:.1f}/s" if rate >= 1 else f"{duration(1 / rate)} each" if rate else "-"
        last = self.settings.generations
        position = f"generation {max(self._progress.generation, 0)}" + ("" if last is None else f"/{last}")
        if width < WIDE:
            return Text(in_room((position, f"{done}/{total}", f"ETA {eta}"), width), style="bold")
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            Text(position, style="bold"),
            ProgressBar(total=total, completed=done, width=max(10, width - 66)),
            Text(f"{done}/{total}"),
            Text(f"{speed}, ETA {eta}", style="cyan"),
        )
        return grid

    def _counters(self, roomy: bool) -> list[Text]:
        # imported here, because commands without PyTorch show tables of this file
        from evonas.searching.objectives.named import fitness_for

        progress, best = self._progress, self._progress.best
        counters = Text(f"{progress.evaluations} evaluations, {progress.cache_hits} cache hits")
        if progress.failures:
            counters.append(f", {progress.failures} without score", style="red")
        found = Text()
        if best is not None:
            named = headline_text(best, self._objectives, self.settings.pick, self._latest)
            found.append(named, style="bold green")
            found.append(f" ({count(best.params)} params, {count(best.flops)} FLOPs)")
            if len(self._objectives) > 1:
                found.append(f", front {len(progress.front)}", style="bold green")
        elif fitness_for(self.settings).composites and not self._history:
            found.append("best: known once the first population is scored", style="dim")
        if not roomy:
            line = Text(" | ").join([counters, *([found] if found else [])])
            line.no_wrap, line.overflow = True, "ellipsis"
            return [line]
        memory_used = Text(f"{self.device}, {memory(peak_memory(self.settings.device))}", style="dim")
        return [Text(" | ").join([counters, *([found] if found else [])]), memory_used]

    def _spark(self, width: int) -> RenderableType:
        mean = [row.mean for row in self._history if row.mean is not None]
        return Spark("mean of the population", mean, max(0, width - 24))


class Spark:
    """A name and a sparkline of numbers, with at most ``width`` bars."""

    def __init__(self, name: str, values: list[float], width: int) -> None:
        self.name, self.values, self.width = name, values, width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bars = sparkline(self.values, self.width, ASCII_SPARKS if options.ascii_only else SPARKS)
        yield Text.assemble((f"{self.name} ", "dim"), (bars, "magenta"), no_wrap=True, overflow="crop")


class _Cells:
    def __init__(self, space: Space, genotype: object) -> None:
        self.space, self.genotype = space, genotype

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width if options.max_width < ENDLESS else USUAL
        panels = [
            Panel(drawing, title=title, title_align="left", border_style="dim", expand=False)
            for title, drawing in draw(self.space, self.genotype, not options.ascii_only)
            if max(map(cell_len, drawing.plain.splitlines())) + FRAME <= room  # a truncated drawing would be wrong
        ]
        yield Constrain(Columns(panels), room)


def cell_panels(space: Space, genotype: object) -> RenderableType:
    """The cells of a genotype side by side, in Unicode or ASCII."""
    return _Cells(space, genotype)


def generations_table(history: list[GenerationRow], width: int, latest: bool = False) -> Table:
    """Best, mean and standard deviation per generation, and more columns if ``width`` allows.

    Where the result is the ``latest`` birth, the score of that one instead.
    """
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", show_header=bool(history))
    scores = ("score",) if latest else ("best", "mean", "std", "best so far")
    names = ("gen", *scores, "evaluated", "cached", "time")
    rows = []
    for row in history:
        values = [number(value) for value in (row.best, row.mean, row.std, row.best_so_far)[: len(scores)]]
        cells = [str(row.generation), *values, str(row.evaluations), str(row.cache_hits), duration(row.seconds)]
        rows.append(cells)
    add_fitting_rows(table, names, rows, width)
    return table
