"""The accuracies of an evaluation by column, as tables of architectures name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evonas.evaluation.severities import SEVERITIES

if TYPE_CHECKING:
    from evonas.evaluation.result import Evaluation

CLEAN, ATTACKS, CORRUPTIONS = "clean", "attacks", "corruptions"


def columns_of(evaluation: Evaluation) -> dict[str, float]:
    """Accuracies by column: ``clean``, ``pgd@Linf.eps8``, ``snow.s1``, ..."""
    found = {CLEAN: evaluation.clean.accuracy}
    for attack in evaluation.attacks:
        for epsilon in sorted(evaluation.attacks[attack]):
            found[f"{attack}@Linf.eps{epsilon:g}"] = evaluation.attacks[attack][epsilon].rate.accuracy
    if evaluation.corruptions is not None:
        for name, shares in evaluation.corruptions.table.items():
            found |= {f"{name}.s{severity}": share for severity, share in zip(SEVERITIES, shares, strict=True)}
    return found


def summarised(columns: Mapping[str, float]) -> dict[str, float]:
    """``clean``, ``pgd@Linf.eps8``, ..., the groups of corruptions and their mean, from those of `columns_of`."""
    from evonas.evaluation.corruptions import GROUPS, corruptions

    found = {name: value for name, value in columns.items() if name == CLEAN or "@" in name}
    names = [name for name in corruptions if f"{name}.s{SEVERITIES[0]}" in columns]
    means = {name: _mean([columns[f"{name}.s{severity}"] for severity in SEVERITIES]) for name in names}
    for group in GROUPS if names else ():
        found[group] = _mean([means[name] for name in names if corruptions[name].group == group])
    return found | ({CORRUPTIONS: _mean([*means.values()])} if names else {})


def with_attacks(columns: Mapping[str, float]) -> dict[str, float]:
    """With the mean over attacks and epsilons after the single ones, if there are several."""
    attacked = [name for name in columns if "@" in name]
    if len(attacked) < 2:
        return dict(columns)
    mean, found = _mean([columns[name] for name in attacked]), {}
    for name, value in columns.items():
        found[name] = value
        if name == attacked[-1]:
            found[ATTACKS] = mean
    return found


def label_of(column: str) -> str:
    """``pgd 8/255`` for ``pgd@Linf.eps8``; other columns by their names."""
    name, _, epsilon = column.partition("@Linf.eps")
    return f"{name} {epsilon}/255" if epsilon else column


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
