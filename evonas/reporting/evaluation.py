"""The live view and the summary of an evaluation in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from evonas.core.events import Closed, Message
from evonas.core.quantities import percent
from evonas.evaluation.events import ImagesMeasured
from evonas.reporting.accuracies import WIDE, accuracy_table
from evonas.reporting.columns import SHORTEST_NAME, number_columns
from evonas.reporting.retrained import retrained_table
from evonas.reporting.screen import View

if TYPE_CHECKING:
    from evonas.evaluation.outcomes import Check, CorruptionTable
    from evonas.evaluation.result import Evaluation


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
    parts: list[RenderableType] = [accuracy_table(result, width)]
    if result.corruptions is not None:
        parts.append(_corruptions(result.corruptions, width >= WIDE))
    if result.retrained is not None:
        parts.append(retrained_table(result.retrained))
    if result.checks:
        parts.append(_checks(result.checks))
    parts += [Text(note, style="yellow") for note in result.notes]
    if result.remark:
        parts.append(Text(result.remark, style="bold yellow"))
    if result.path is not None:
        parts.append(Text(f"saved in {result.path}", style="dim"))
    return Group(*parts)


def _corruptions(found: CorruptionTable, wide: bool) -> RenderableType:
    """Corruptions by severity, then the means by group and over all."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(f"corruptions ({found.source})", overflow="fold", min_width=SHORTEST_NAME)
    number_columns(table, *(("1", "2", "3", "4", "5") if wide else ()), "mean")
    for name, shares in found.table.items():
        mean = Text(f"{100 * sum(shares) / len(shares):.2f}", style="bold")
        table.add_row(Text(name, style="cyan"), *(f"{100 * share:.1f}" for share in shares if wide), mean)
    groups = ", ".join(f"{name} {percent(mean)}" for name, mean in found.groups.items())
    return Group(table, Text(f"mean over corruptions {percent(found.mean)} ({groups})"))


def _checks(checks: tuple[Check, ...]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(style="dim")
    for check in checks:
        mark = Text("pass", style="green") if check.passed else Text("FAIL", style="bold red")
        table.add_row(mark, check.name, check.detail)
    return table
