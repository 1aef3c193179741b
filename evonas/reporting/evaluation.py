"""The live view and the summary of an evaluation in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from evonas.core.events import Closed, Message
from evonas.core.quantities import percent
from evonas.evaluation.events import ImagesMeasured
from evonas.reporting.columns import SHORTEST_NAME, number_columns
from evonas.reporting.screen import View
from evonas.training.data_check import remark

if TYPE_CHECKING:
    from evonas.evaluation.checks import Check
    from evonas.evaluation.rates import Rate
    from evonas.evaluation.result import Attacked, Evaluation

WIDE = 72  # columns


class EvaluationView(View):
    """A progress bar for the current attack below the results; silent until images are evaluated."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress: Progress | None = None
        self._what, self._task = "", TaskID(0)

    def measuring(self, event: ImagesMeasured) -> None:
        what, done, total = event.what, event.done, event.total
        if self._progress is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._progress = Progress(*columns, console=self.console, transient=True)
            self._progress.start()
        if what != self._what:
            if self._what:
                self._progress.remove_task(self._task)
            self._what, self._task = what, self._progress.add_task(what, total=total)
        self._progress.update(self._task, completed=done)

    @property
    def is_open(self) -> bool:
        return self._progress is not None

    def message(self, event: Message) -> None:
        text = event.text
        if self._progress is not None:
            self.console.print(text, soft_wrap=True, markup=False, style="dim")

    def closed(self, event: Closed) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress, self._what = None, ""


def evaluated(result: Evaluation, width: int = WIDE) -> RenderableType:
    """Accuracies with intervals, corruptions and sanity checks; shortened below `WIDE` columns."""
    wide = width >= WIDE
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), header_style="dim")
    table.add_column(overflow="fold", min_width=SHORTEST_NAME)
    number_columns(table, "accuracy", "95 % interval", *(["HRS"] if wide else []))
    if wide:
        table.add_column(style="dim")
    table.add_row("clean", *_shares(result.clean), *(["", f"{result.clean.n} test images"] if wide else []))
    for epsilon in result.epsilons:
        for name, found in result.attacks.items():
            label = Text.assemble((name, "cyan"), f" {epsilon:g}/255")
            more = [percent(result.hrs_at(name, epsilon)), _numbers(found[epsilon])] if wide else []
            table.add_row(label, *_shares(found[epsilon].rate), *more)
    parts: list[RenderableType] = [table]
    if result.corruptions is not None:
        parts.append(_corruptions(result.corruptions, wide))
    if result.checks:
        parts.append(_checks(result.checks))
    if text := remark(result.facts.get("data")):
        parts.append(Text(text, style="bold yellow"))
    if result.path is not None:
        parts.append(Text(f"saved in {result.path}", style="dim"))
    return Group(*parts)


def _shares(rate: Rate) -> tuple[str, str]:
    low, high = rate.interval
    return percent(rate.accuracy), f"{100 * low:.2f} - {100 * high:.2f} %"


def _numbers(found: Attacked) -> str:
    """``20 steps of 1, 2 restarts``; for an ensemble, the accuracy after each member."""
    names = {name for name, _ in found.parts}
    if len(names) > 1:
        return ", ".join(f"{name} {percent(rate.accuracy)}" for name, rate in found.parts)
    numbers: Mapping[str, Any] = found.numbers
    parts = []
    if "steps" in numbers:
        size = f" of {numbers['step_size']:g}/255" if "step_size" in numbers else ""
        parts.append(f"{numbers['steps']} steps{size}")
    if "queries" in numbers:
        parts.append(f"{numbers['queries']} queries")
    if numbers.get("restarts", 1) > 1:
        parts.append(f"{numbers['restarts']} restarts")
    return ", ".join(parts)


def _corruptions(found: Mapping[str, Any], wide: bool) -> RenderableType:
    """Corruptions by severity, then the means by group and over all."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(f"corruptions ({found['source']})", overflow="fold", min_width=SHORTEST_NAME)
    number_columns(table, *(("1", "2", "3", "4", "5") if wide else ()), "mean")
    for name, shares in found["table"].items():
        mean = Text(f"{100 * sum(shares) / len(shares):.2f}", style="bold")
        table.add_row(Text(name, style="cyan"), *(f"{100 * share:.1f}" for share in shares if wide), mean)
    groups = ", ".join(f"{name} {percent(mean)}" for name, mean in found["groups"].items())
    return Group(table, Text(f"mean over corruptions {percent(found['mean'])} ({groups})"))


def _checks(checks: tuple[Check, ...]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(style="dim")
    for check in checks:
        mark = Text("pass", style="green") if check.passed else Text("FAIL", style="bold red")
        table.add_row(mark, check.name, check.detail)
    return table
