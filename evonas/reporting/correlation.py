"""The output of ``evonas correlate``: progress, then tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from evonas.core.quantities import duration
from evonas.reporting.blocks import Blocks, Row
from evonas.tables import Correlation, Correlations, heat_map, scatter
from evonas.tables.account import Account
from evonas.tables.correlate import Cells
from evonas.tables.scores import ArchitectureScored

SECONDS_BETWEEN_LINES = 30.0
MAX_TIMES = 4  # proxies whose mean times are shown while they compute
MAX_NAMED = 6  # columns that are skipped for one reason
_GIVEN = {"params": "the number of parameters"}
_UNITS = {"percent": "in percent", "fraction": "as fractions", "value": "without conversion"}


class Counted(Protocol):
    """One more item done."""

    @property
    def done(self) -> int: ...

    @property
    def total(self) -> int: ...

    @property
    def seconds(self) -> float: ...


class ScoringProgress:
    """A progress bar in a terminal, occasional lines elsewhere; on standard error, apart from results."""

    def __init__(self, doing: str = "scoring", done: str = "scored") -> None:
        self._verb = done
        self.console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn(doing),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[each]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task("", each="-")
        self._begin()

    def _begin(self) -> None:
        self._last = self._started = time.monotonic()
        self._times: dict[str, list[float]] = {}
        self._seconds: list[float] = []

    def __enter__(self) -> ScoringProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, progress: Counted) -> None:
        self._seconds.append(progress.seconds)
        if isinstance(progress, ArchitectureScored):
            for name, seconds in progress.times.items():
                self._times.setdefault(name, []).append(seconds)
        each = f"{duration(mean(self._seconds))} each{self._by_proxy}"
        self._bar.update(self._task, completed=progress.done, total=progress.total, each=each)
        if self._bar.disable and time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            wall = (time.monotonic() - self._started) / len(self._seconds)
            left = duration(wall * (progress.total - progress.done))
            line = f"{self._verb} {progress.done} of {progress.total}, {left} left, {each}"
            self.console.print(line, soft_wrap=True)

    @property
    def _by_proxy(self) -> str:
        """The mean time of a score by each of several proxies, the slowest first."""
        means = sorted(((mean(times), name) for name, times in self._times.items()), reverse=True)
        shown = [f"{name} {duration(seconds)}" for seconds, name in means[:MAX_TIMES]]
        return f" ({', '.join(shown)})" if len(means) > 1 else ""

    def then(self, doing: str, done: str) -> Callable[[Counted], None]:
        """Shows what comes after it in the same bar."""

        def show(progress: Counted) -> None:
            if self._verb != done:
                self._verb = done
                self._bar.columns = (TextColumn(doing), *self._bar.columns[1:])
                self._bar.reset(self._task)
                self._begin()
            self(progress)

        return show

    def message(self, text: str) -> None:
        """Print a line above the bar."""
        self.console.print(text, soft_wrap=True, markup=False)


def draw(result: Correlation, path: Path, pair: tuple[str, str] | None) -> None:
    """A heat map, or the scatter of a proxy and a target."""
    if pair is None:
        return heat_map(result, path)
    scatter(result, *pair, path)


def correlation_tables(result: Correlation) -> RenderableType:
    """Spearman's rho, the half-width of its interval, and the partial correlation given size."""
    half_width = {
        name: {target: None if b is None else (b[1] - b[0]) / 2 for target, b in row.items()}
        for name, row in result.ci95.items()
    }
    parts: list[RenderableType] = [
        Text(f"Spearman's rho over {result.n} architectures", style="bold"),
        _table(result, result.spearman, result.average),
        Text("half-width of its 95 % bootstrap interval over genotypes", style="bold"),
        _table(result, half_width),
        Text(f"partial rank correlation given {_GIVEN.get(result.given, result.given)}", style="bold"),
        _table(result, result.partial),
    ]
    if result.against is not None:
        parts += [
            Text(
                f"rho minus that of {result.against}, same architectures; 95 % interval over genotypes",
                style="bold",
            ),
            _gains(result),
        ]
    for name, reasons in result.missing.items():
        parts += [Text(f"{name}: {count} without a score: {reason}", "red") for reason, count in reasons.items()]
    times = ", ".join(f"{name} {duration(seconds)}" for name, seconds in result.seconds.items())
    lines = [*_noise_lines(result), f"mean time of a score: {times}", *account_lines(result.table)]
    return Group(*parts, *(Text(line, "dim") for line in lines))


def summary_tables(several: Correlations) -> RenderableType:
    """The tables of every correlation, then how each proxy stands over them."""
    parts: list[RenderableType] = []
    for name, result in several.tables.items():
        parts += [Text(name, "bold underline"), correlation_tables(result), Text("")]
    names = list(several.tables)
    rows = []
    for proxy, one in several.standings.items():
        low, mean, *each = (_number(rho) for rho in (one.lowest, one.mean, *map(one.by_table.get, names)))
        rows.append(Row(proxy, [low, one.table or "", mean, *each]))
    by = ", ".join(several.targets) or "each table's own targets, as none is common"
    title = Text(f"mean rho with {by} over {len(names)} tables, best lowest value first", style="bold")
    return Group(*parts, title, Blocks("proxy", ["lowest", "in", "mean", *names], rows, left=("in",)))


def _noise_lines(result: Correlation) -> list[str]:
    """The noise between retrainings, where the table has some."""
    found = [
        f"{name}: {noise.sd:.4g} between retrainings, intraclass correlation {noise.icc:.2f} "
        f"({noise.icc_low:.2f} to {noise.icc_high:.2f}, over architectures and retrainings)"
        for name, noise in result.noise.items()
        if noise is not None
    ]
    return [*found, "ceiling: what a perfect score could reach, because of this noise"] if found else []


def account_lines(table: Account) -> list[str]:
    """The used columns of the table with their unit, and the skipped ones with the reason."""
    lines = [f"{table.rows} architectures in column {table.architectures}, separated by {table.separator}s"]
    for unit, targets in _grouped({t.name: " and ".join(dict.fromkeys(t.units)) for t in table.targets}).items():
        lines.append(f"used, {_UNITS.get(unit, unit)}: {', '.join(map(_columns_of(table), targets))}")
    for reason, names in _grouped(table.left).items():
        more = f" and {len(names) - MAX_NAMED} more (--json lists all)" if len(names) > MAX_NAMED else ""
        lines.append(f"skipped, {reason}: {', '.join(names[:MAX_NAMED])}{more}")
    lines += [f"note: {note}" for note in table.notes]
    if table.scored_on is not None:
        lines.append(f"scored on {table.scored_on}; accuracies of {table.accuracies_of or 'an unknown data set'}")
    return lines


def _grouped(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return names


def _columns_of(table: Account) -> Callable[[str], str]:
    columns = {target.name: target.columns for target in table.targets}

    def shown(name: str) -> str:
        if columns[name] == (name,):
            return name
        return f"{name} ({columns[name][0] if len(columns[name]) == 1 else f'{len(columns[name])} columns'})"

    return shown


def _table(result: Correlation, cells: Cells, average: dict[str, float | None] | None = None) -> Blocks:
    rows = []
    for name in _order(result):
        shown = [cells[name][target] for target in result.target] + ([average[name]] if average else [])
        rows.append(Row(name, [*map(_number, shown)]))
    if average and any(result.noise.values()):
        ceilings = [noise and f"{noise.ceiling:.3f}" for noise in map(result.noise.get, result.target)]
        rows.append(Row("ceiling", [*(ceiling or "-" for ceiling in ceilings), ""], "dim"))
    return Blocks("proxy", [*result.target, *(["mean"] if average else [])], rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _order(result: Correlation) -> list[str]:
    return sorted(result.spearman, key=lambda name: -(result.average[name] or -2.0))


def _gains(result: Correlation) -> Blocks:
    rows = []
    for name in _order(result):
        cells = [(result.gain[name][target], result.gain_ci95[name][target]) for target in result.target]
        if name != result.against:
            rows.append(Row(name, [_gain(*cell) for cell in cells]))
    return Blocks("proxy", result.target, rows)


def _gain(value: float | None, interval: list[float] | None) -> str:
    if value is None:
        return "-"
    return f"{value:+.3f}" + ("" if interval is None else f"\n[{interval[0]:+.2f}, {interval[1]:+.2f}]")
