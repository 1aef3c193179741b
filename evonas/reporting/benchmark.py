"""The output of ``evonas benchmark``: tables for a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from evonas.reporting.blocks import Blocks, Row
from evonas.tables.benchmark import Benchmark
from evonas.tables.problem import Goal
from evonas.tables.standings import Average

RANDOM = "random, exact"


class Sheet(NamedTuple):
    """A table with a title: an algorithm a row."""

    title: str
    header: list[str]
    rows: list[list[str]]


def sheets(result: Benchmark) -> Iterator[Sheet]:
    """For each target its values, and the other columns of what was found."""
    for name, goal in result.goals.items():
        yield _values(result, name, goal)
        if any(found[name].reported for found in result.standings.values()):
            yield _reported(result, name, goal)


def benchmark_tables(result: Benchmark) -> RenderableType:
    """The tables for a terminal."""
    parts: list[RenderableType] = []
    for sheet in sheets(result):
        rows = [Row(label, cells) for label, *cells in sheet.rows]
        parts += [Text(sheet.title, style="bold"), Blocks(sheet.header[0], sheet.header[1:], rows)]
    return Group(*parts, *(Text(line, "dim") for line in _lines(result)))


def markdown(result: Benchmark) -> str:
    """The same tables in Markdown."""
    parts = []
    for sheet in sheets(result):
        rows = [sheet.header, ["---", *["---:"] * (len(sheet.header) - 1)], *sheet.rows]
        parts.append("\n".join([sheet.title, "", *(f"| {' | '.join(row)} |" for row in rows)]))
    return "\n\n".join([*parts, *_lines(result)]) + "\n"


def _values(result: Benchmark, name: str, goal: Goal) -> Sheet:
    labels = [one.label for one in result.contenders]
    regrets = list(next(iter(result.standings.values()))[name].reached)
    unit = " %" if goal.target.is_accuracy else " % of the range"
    header = ["algorithm", *map(str, result.at), "±", "optimum", *(f"≤ {bound:g}{unit}" for bound in regrets)]
    header += [] if result.limits is None else ["feasible"]
    rows = []
    for label in labels:
        found = result.standings[label][name]
        reached = [found.reached[bound].median for bound in regrets]
        rows.append(
            [
                label,
                *(_number(goal, average.mean) for average in found.values),
                _number(goal, found.values[-1].half_width),
                f"{100 * found.at_optimum[-1]:.0f} %",
                *("-" if median is None else f"{median:.0f}" for median in reached),
                *([] if result.limits is None else [f"{100 * found.feasible:.1f} %"]),
            ]
        )
    exact = [_number(goal, result.expected[name][n - 1]) for n in result.at]
    rows.append([RANDOM, *exact, *[""] * (len(header) - 1 - len(exact))])
    return Sheet(
        f"{_title(name, goal)}, after so many queries (optimum {_number(goal, goal.optimum)})", header, rows
    )


def _reported(result: Benchmark, name: str, goal: Goal) -> Sheet:
    found = {one.label: result.standings[one.label][name].reported for one in result.contenders}
    columns = list(next(iter(found.values())))
    rows = [[label, *(_pair(averages[column]) for column in columns)] for label, averages in found.items()]
    return Sheet(
        f"{_title(name, goal)}: other columns of what was found after {result.evaluations} queries",
        ["algorithm", *columns],
        rows,
    )


def _title(name: str, goal: Goal) -> str:
    return name if goal.searched.name == name else f"{name}, searched by {goal.searched.name}"


def _pair(average: Average) -> str:
    half = average.half_width
    return f"{average.mean:.2f}" if half is None else f"{average.mean:.2f} ± {half:.2f}"


def _number(goal: Goal, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if goal.target.is_accuracy else f"{value:.4g}"


def _lines(result: Benchmark) -> list[str]:
    alike = "isomorphic ones count once" if result.duplicates == "class" else "by genotype"
    columns: Sequence[str] = (
        f"mean of {result.trials} trials of {result.evaluations} queries over {result.architectures} architectures"
        f" ({alike}), seed {result.seed}",
        "±: half-width of the 95 % interval of the last mean, over trials; optimum: share of the trials that "
        "found it; ≤ x: median number of queries until the regret is at most x",
    )
    return [*columns, *_limits(result), *(f"note: {note}" for note in result.notes)]


def _limits(result: Benchmark) -> list[str]:
    if (limits := result.limits) is None:
        return []
    return [
        f"constraints by the rule {limits.rule}: {', '.join(map(str, limits.limits))}; {100 * limits.share:.1f} % "
        "of the architectures meet them; feasible: mean share of the queried ones that do"
    ]
