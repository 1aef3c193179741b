"""The comparison table in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from evonas.core.quantities import count, percent
from evonas.evaluation.columns import label_of
from evonas.reporting.accuracies import OVER_IMAGES
from evonas.reporting.blocks import Blocks, Row
from evonas.reporting.retrained import OVER, interval

if TYPE_CHECKING:
    from evonas.evaluation.comparison import ComparedRow
    from evonas.evaluation.spread import Spread


BEST = "*"


def compared(rows: Sequence[ComparedRow]) -> RenderableType:
    """One table per group of rows with equal conditions, and the differences between groups.

    The columns are those of the CRoZe paper's Table 3 and PGD; published rows are dim and not ranked.
    """
    trainings = list(dict.fromkeys(row.training for row in rows))
    parts: list[RenderableType] = []
    first = rows[0]
    for number in dict.fromkeys(row.group for row in rows):
        group = [row for row in rows if row.group == number]
        head = "published, not ranked" if group[0].published else group[0].conditions.in_words
        parts += [Text(f"{number}: {head}", style="bold"), _table(group, trainings)]
        if any(row.retrained for row in group):
            parts.append(_intervals(group))
    parts += [Text(f"[{number}] {text}") for number, text in enumerate(trainings, start=1)]
    if any(_ranked(row, rows) for row in rows):
        parts.append(Text(f"{BEST} the best of its group", style="dim"))
    for number in dict.fromkeys(row.group for row in rows if not row.published and row.group != 1):
        other = next(row for row in rows if row.group == number)
        apart = "; ".join(other.conditions.differences(first.conditions))
        parts.append(Text(f"groups 1 and {number} cannot be ranked against each other: {apart}", style="yellow"))
    if not any(row.published for row in rows):
        parts.append(Text("published rows exist for cifar10 and cifar100 only", style="dim"))
    return Group(*parts)


def _table(group: Sequence[ComparedRow], trainings: Sequence[str]) -> Blocks:
    others = list(dict.fromkeys(name for row in group for name in row.assessments))
    names = ("params", "search", "clean", "corruptions", "FGSM", "PGD", "HRS", *others, "note")
    rows = []
    for row in group:
        cells: list[str | Text] = [
            count(row.params),
            "-" if row.seconds is None else f"{row.seconds:,.0f} s",
            *(_share(name, row, group) for name in ("clean", "corruptions", "fgsm", "pgd", "hrs")),
            *(
                Text(percent(row.assessments[name].accuracy if name in row.assessments else None))
                for name in others
            ),
            f"[{trainings.index(row.training) + 1}]",
        ]
        rows.append(Row(row.name, cells, "dim" if row.published else ""))
    return Blocks("", names, rows, gap=2, label_style="")


def _intervals(group: Sequence[ComparedRow]) -> Blocks:
    """Both intervals of the networks of a group: over test images, and over retrainings where there are some."""
    rows = []
    for row in group:
        epsilon = f"@Linf.eps{row.conditions.epsilons[0]:g}" if row.conditions.epsilons else ""
        columns = {} if row.retrained is None else row.retrained.columns
        ends = {"clean": row.clean_ci95, f"fgsm{epsilon}": row.fgsm_ci95, f"pgd{epsilon}": row.pgd_ci95}
        for column, images in ends.items():
            if images is not None:
                shown = f"{100 * images[0]:.2f} - {100 * images[1]:.2f} %"
                rows.append(Row(row.name, [label_of(column), shown, *_over(columns.get(column))]))
    return Blocks("", ("", OVER_IMAGES, "mean", "sd", OVER), rows, gap=2, label_style="", left=("",))


def _over(spread: Spread | None) -> tuple[str, str, str]:
    if spread is None:
        return "-", "-", "-"
    return percent(spread.mean), percent(spread.sd), interval(spread)


def _ranked(row: ComparedRow, rows: Sequence[ComparedRow]) -> bool:
    """Whether there is another row that this one may be compared to."""
    return not row.published and sum(other.group == row.group for other in rows) > 1


def _share(name: str, row: ComparedRow, group: Sequence[ComparedRow]) -> Text:
    value = getattr(row, name)
    if not _ranked(row, group):
        return Text(percent(value))
    shares = [share for other in group if (share := getattr(other, name)) is not None]
    best = value is not None and value == max(shares)
    return Text(f"{percent(value)} {BEST if best else ' '}", style="bold" if best else "")
