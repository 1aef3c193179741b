"""Accuracy under corruptions."""

from __future__ import annotations

from dataclasses import dataclass

from evonas.reporting.facts import TrainingFacts


@dataclass(frozen=True)
class Corrupted:
    """The table of corruptions by severity; accuracies are fractions."""

    table: dict[str, list[float]]  # by the label of a corruption
    severities: list[int]
    groups: dict[str, list[str]]  # labels
    means: dict[str, float]  # of groups
    mean: float
    clean: float
    n: int  # images of each cell
    source: str


def corrupted(facts: TrainingFacts) -> Corrupted | None:
    """The table of an evaluation; None where no corruption was measured."""
    if facts.evaluation is None or (found := facts.evaluation.corruptions) is None or not found.table:
        return None
    from evonas.evaluation.corruptions import corruptions as registry

    labels = {name: name.replace("_", " ") for name in found.table}
    groups: dict[str, list[str]] = {}
    for name, label in labels.items():
        groups.setdefault(registry[name].group if name in registry else "other", []).append(label)
    return Corrupted(
        table={labels[name]: list(row) for name, row in found.table.items()},
        severities=list(range(1, 1 + max(len(row) for row in found.table.values()))),
        groups=groups,
        means=dict(found.groups),
        mean=found.mean,
        clean=facts.evaluation.clean.accuracy,
        n=found.n,
        source=found.source,
    )
