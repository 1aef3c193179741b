"""The output of ``evonas tabulate``: its cost, its progress, and what the table says."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from evonas.core.events import Closed, Listener, Message
from evonas.core.quantities import duration, number, percent, plural
from evonas.reporting.columns import number_columns
from evonas.reporting.screen import View
from evonas.reporting.trainings import cost, eta, network
from evonas.tabulating.events import NetworkTabulated, TabulationStarted
from evonas.tabulating.summary import Tabulation


class TabulationView(Listener):
    """A progress bar in a terminal, a line per network elsewhere; on standard error, apart from the result."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._bar = _bar(self.console)
        self._task = self._bar.add_task("", eta="", last="")

    def tabulation(self, event: TabulationStarted) -> None:
        self.message(Message(cost(event)))
        self._bar.update(self._task, completed=event.done, total=event.total, eta=eta(event.remaining))
        self._bar.start()

    def tabulated(self, event: NetworkTabulated) -> None:
        said, left = network(event), eta(event.remaining)
        self._bar.update(self._task, completed=event.done, total=event.total, eta=left, last=said)
        if self._bar.disable or event.reason:
            self.message(Message(f"{event.done} of {event.total}, seed {event.seed}: {said}, {left}"))

    def message(self, event: Message) -> None:
        """Print a line above the bar."""
        self.console.print(event.text, soft_wrap=True, markup=False)

    def closed(self, event: Closed) -> None:
        self._bar.stop()


class TrainingsView(View):
    """A progress bar while a final stage trains several networks; a line for the cost and for every failure."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress: Progress | None = None

    def tabulation(self, event: TabulationStarted) -> None:
        self._print(cost(event))
        self._progress = _bar(self.console)
        left = eta(event.remaining)
        self._task = self._progress.add_task("", completed=event.done, total=event.total, eta=left, last="")
        self._progress.start()

    def tabulated(self, event: NetworkTabulated) -> None:
        if self._progress is not None:
            said, left = network(event), eta(event.remaining)
            self._progress.update(self._task, completed=event.done, total=event.total, eta=left, last=said)
        if event.reason:
            self._print(f"{event.done} of {event.total}, seed {event.seed}: {network(event)}")

    @property
    def is_open(self) -> bool:
        return self._progress is not None

    def message(self, event: Message) -> None:
        if self.is_open:
            self._print(event.text)

    def closed(self, event: Closed) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _print(self, text: str) -> None:
        self.console.print(text, soft_wrap=True, markup=False, style="dim")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[eta]}"),
        TextColumn("{task.fields[last]}", style="dim"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def tabulation_table(result: Tabulation) -> RenderableType:
    """Accuracies over the genotypes, and the noise between retrainings."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("accuracy", no_wrap=True, overflow="fold", style="cyan")
    noisy = any(column.noise is not None for column in result.accuracies.values())
    number_columns(
        table, "mean", "lowest", "highest", *(["sd of retrainings", "ICC", "95 % over genotypes"] if noisy else [])
    )
    for name, column in result.accuracies.items():
        shown = [percent(value) for value in (column.mean, column.lowest, column.highest)]
        if column.noise is not None:
            shown += [percent(column.noise.sd), f"{column.noise.icc:.2f}"]
            shown.append(f"{column.noise.icc_low:.2f} - {column.noise.icc_high:.2f}")
        table.add_row(name, *shown)
    above: list[RenderableType] = [table] if result.accuracies else []
    return Group(*above, *(Text(line, "dim") for line in _lines(result, noisy)))


def _lines(result: Tabulation, noisy: bool) -> list[str]:
    about = "ICC: share of the variance of one training that is architecture"
    lines = [f"{about}; interval over genotypes and retrainings"] if noisy else []
    lines += [f"{plural(count, 'training')} failed: {reason}" for reason, count in result.failed.items()]
    if result.shard is not None:
        done = f"{plural(result.trainings, 'training')} finished, {duration(result.seconds)} of computing"
        join = "run the command without --shard to join all shards and to write the table"
        return [*lines, f"{result.table}, shard {result.shard}: {done}; {join}"]
    for name, column in result.latencies.items():
        lines.append(f"{name}: mean {number(column.mean)}, {number(column.lowest)} to {number(column.highest)} ms")
    what = f"{plural(result.trainings, 'training')} of {plural(result.genotypes, 'genotype')}"
    return [*lines, f"{what}, {duration(result.seconds)} of computing: {result.table}, {result.sidecar}"]
