"""The final output of the commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from evonas.core.devices import peak_memory
from evonas.core.quantities import count, duration, memory, number, plural
from evonas.reporting.blocks import Blocks, Row
from evonas.reporting.columns import ENDLESS, USUAL
from evonas.reporting.fronts import front_table, headline_text, pace

if TYPE_CHECKING:  # tables do not import PyTorch or DEAP
    from evonas.searching.result import SearchResult
    from evonas.searching.scoring import ScoreRow

LAST_GENERATIONS = 12
MAX_GENOTYPE_CHARS = 48


def finished(result: SearchResult) -> RenderableType:
    """The summary of a finished search."""
    lines: list[RenderableType] = [
        Text(
            f"{plural(result.generations, 'generation')}, {plural(result.evaluations, 'evaluation')}, "
            f"{plural(result.cache_hits, 'cache hit')}"
            + pace(result.seconds_per_evaluation, result.seconds_per_generation, result.latest)
            + f", peak memory {memory(peak_memory(result.device))}"
        )
    ]
    if result.best is None:
        return Group(*lines, Text("no genotype has a score", style="red"))
    best = result.best
    several = len(result.objectives) > 1
    named = headline_text(best, result.objectives, result.pick, result.latest) + (
        f" (birth {best.birth})" if several else ""
    )
    lines.append(Text(f"{named}, {count(best.params)} params, {count(best.flops)} FLOPs", "bold green"))
    if several:
        lines.append(front_table(result.front, result.objectives, USUAL, best))
    lines += [Text(str(best.genotype)), Text(f"saved in {result.path}", style="dim")]
    return Group(*lines)


class Scores:
    """A table of genotypes and scores, with reasons of missing scores; long genotypes are cut in a terminal."""

    def __init__(self, rows: Sequence[ScoreRow]) -> None:
        self.rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield scores(self.rows, MAX_GENOTYPE_CHARS if options.max_width < ENDLESS else None)


def scores(rows: Sequence[ScoreRow], longest: int | None = MAX_GENOTYPE_CHARS) -> RenderableType:
    """The same table with at most ``longest`` characters per genotype."""
    names, lines = list(rows[0].scores), []
    for row in rows:
        values = (number(row.scores[name]) for name in names)
        genotype = Text(row.name, no_wrap=True, overflow="ellipsis")  # truncated, not wrapped
        lines.append(Row(genotype, (count(row.params), count(row.flops), *values, duration(row.seconds))))
    columns = ("params", "FLOPs", *names, "time")
    table = Blocks("genotype", columns, lines, gap=2, label_style="", max_label=longest)
    reasons = [f"{row.name[:longest]}: {reason}" for row in rows for reason in row.reasons.values()]
    return Group(table, *(Text(reason, style="red") for reason in reasons))


UNPRINTED = ("name", "about", "genotype")  # the first line has two of them, the last has up to 900 characters


def listing(title: str, entries: Sequence[dict[str, str]], full: bool, note: str = "") -> RenderableType:
    """One kind of entries: one line each, or all details with ``full``; then ``note``."""
    if not full:
        grid = Table.grid(padding=(0, 2))
        for entry in entries:
            grid.add_row(
                Text(entry["name"], style="cyan"), Text(entry["about"], no_wrap=True, overflow="ellipsis")
            )
        notes = [Text(note, style="dim")] if note else []
        return Group(Text(title, style="bold"), grid, *notes, Text(""))
    parts: list[RenderableType] = []
    for entry in entries:
        parts.append(Text.assemble((entry["name"], "bold cyan"), "  ", entry["about"]))
        details = {name: text for name, text in entry.items() if text and name not in UNPRINTED}
        parts += [Text.assemble((f"    {name}: ", "dim"), text) for name, text in details.items()]
    return Group(*parts, *([Text(note)] if note else []))
