"""The accuracies of an evaluation as a table in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from evonas.core.quantities import number, percent
from evonas.evaluation.certificates.certified import label
from evonas.reporting.columns import SHORTEST_NAME, fitting, in_two_lines, number_columns

if TYPE_CHECKING:
    from evonas.evaluation.outcomes import Attacked
    from evonas.evaluation.rates import Rate
    from evonas.evaluation.result import Evaluation

WIDE = 72  # columns from which the settings of attacks are shown
OVER_IMAGES = "95 % interval over test images"
Cell = str | Text


def headline_table(found: Evaluation, width: int) -> Table:
    """Accuracies at the first epsilon and the mean over corruptions, as many columns as fit."""
    rows = _rows(found, found.epsilons[:1])
    if found.corruptions is not None:
        rows.append((f"corruptions ({found.corruptions.source})", percent(found.corruptions.mean), "", "", ""))
    return _table(found, rows, width)


def accuracy_table(found: Evaluation, width: int) -> Table:
    """Accuracies at every epsilon, as many columns as fit; settings of the attacks on a wide terminal."""
    return _table(found, _rows(found, found.epsilons), width, settings=width >= WIDE)


def _rows(found: Evaluation, epsilons: Sequence[float]) -> list[tuple[Cell, ...]]:
    """Label, accuracy, interval, HRS and settings."""
    rows: list[tuple[Cell, ...]] = [("clean", *_shares(found.clean), "", "")]
    for epsilon in epsilons:
        for name, one in found.at(epsilon).items():
            attack = Text.assemble((name, "cyan"), f" {epsilon:g}/255")
            rows.append((attack, *_shares(one.rate), percent(found.hrs_of(one)), _settings(one)))
    for name, outcome in found.assessments.items():
        gaps = {
            label(epsilon): f"{100 * gap:.2f} points below pgd"
            for epsilon, gap in found.gaps.get(name, {}).items()
        }
        for what, rate in outcome.rates.items():
            rows.append((Text.assemble((name, "cyan"), f" {what}"), *_shares(rate), "", gaps.get(what, "")))
        for what, value in outcome.scalars.items():
            rows.append((Text.assemble((name, "cyan"), f" {what}"), number(value), "", "", ""))
    return rows


def _table(found: Evaluation, rows: Sequence[Sequence[Cell]], width: int, settings: bool = False) -> Table:
    names = (f"{found.clean.n} test images", "accuracy", in_two_lines(OVER_IMAGES), "HRS")
    shown = fitting(names, rows, width, gap=2, least=2)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(names[0], overflow="fold", min_width=SHORTEST_NAME)
    number_columns(table, *names[1:shown])
    if settings:
        table.add_column(style="dim")
    for *cells, last in rows:
        table.add_row(*cells[:shown], *([last] if settings else []))
    return table


def _shares(rate: Rate) -> tuple[str, str]:
    low, high = rate.interval
    return percent(rate.accuracy), f"{100 * low:.2f} - {100 * high:.2f} %"


def _settings(one: Attacked) -> str:
    """``20 steps of 1/255, 2 restarts``; for an ensemble, the accuracy after each member."""
    if one.members:
        return ", ".join(f"{name} {percent(accuracy)}" for name, accuracy in one.members)
    parts = []
    if one.steps is not None:
        parts.append(f"{one.steps} steps" + (f" of {one.step_size:g}/255" if one.step_size is not None else ""))
    if one.queries is not None:
        parts.append(f"{one.queries} queries")
    if (one.restarts or 1) > 1:
        parts.append(f"{one.restarts} restarts")
    return ", ".join(parts)
