"""Accuracies over several trainings of one genotype, in a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evonas.core.quantities import percent, plural
from evonas.evaluation.columns import label_of
from evonas.evaluation.retrained import Retrained
from evonas.evaluation.spread import Spread
from evonas.reporting.columns import SHORTEST_NAME, in_two_lines, number_columns

OVER = "95 % interval over retrainings"
SINGLE = "a single training says nothing about the noise between retrainings"


def retrained_table(found: Retrained) -> RenderableType:
    """Mean, standard deviation and interval of every column, and what is missing."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(plural(found.count, "training"), overflow="fold", min_width=SHORTEST_NAME)
    number_columns(table, "mean", "sd", in_two_lines(OVER))
    for name, spread in found.columns.items():
        table.add_row(
            Text(label_of(name), style="cyan"), percent(spread.mean), percent(spread.sd), interval(spread)
        )
    return Group(table, *(Text(line, style="yellow") for line in notes(found)))


def notes(found: Retrained) -> list[str]:
    """The seeds, and which trainings are missing."""
    seeds = f"seeds {', '.join(map(str, found.seeds))}"
    return [*found.notes, *([f"{seeds}: {SINGLE}"] if found.count == 1 else [])]


def interval(spread: Spread) -> str:
    """``80.10 - 88.90 %``; a dash for a single training."""
    if spread.interval is None:
        return "-"
    low, high = spread.interval
    return f"{100 * low:.2f} - {100 * high:.2f} %"


def test_accuracies(found: Retrained) -> str:
    """The accuracy on clean test images over the trainings, in one line."""
    clean = next(iter(found.columns.values()))
    line = f"{plural(found.count, 'training')}: mean test accuracy {percent(clean.mean)}"
    if clean.sd is None:
        return line
    return f"{line}, sd {percent(clean.sd)}, 95 % interval over retrainings {interval(clean)}"
