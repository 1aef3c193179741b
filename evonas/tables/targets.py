"""What proxies are correlated with: accuracy columns, grouped as the literature reports them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.tables.table import Table
from spaces import UsageError
from spaces.registry import closest

SEVERITIES = (1, 2, 3, 4, 5)

# ``paper`` is the grouping of CRoZe's release: brightness is digital, elastic_transform and pixelate are left out.
GROUPINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "paper": {
        "weather": ("snow", "fog", "frost"),
        "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
        "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
        "digital": ("contrast", "brightness", "jpeg_compression"),
    },
    # Hendrycks and Dietterich, ICLR 2019
    "standard": {
        "weather": ("snow", "frost", "fog", "brightness"),
        "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
        "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
        "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
    },
}

CLEAN = ("test", "clean")  # endings of the column of clean accuracy, the first one found wins
ATTACKS = {  # target: ending of its column
    "fgsm-8": "fgsm@Linf.eps8",
    "fgsm-4": "fgsm@Linf.eps4",
    "fgsm-2": "fgsm@Linf.eps2",
    "pgd-1": "pgd@Linf.eps1",
}
NOT_ACCURACIES = ("index", "id", "uid")


@dataclass(frozen=True)
class Target:
    """Accuracy columns under one name; the correlation with it is the mean of those with its columns."""

    name: str
    columns: tuple[str, ...]
    clean: bool = False  # clean accuracy, the C of the harmonic robustness score

    def accuracies(self, table: Table) -> NDArray[np.float64]:
        """The mean over its columns as a fraction, (rows,)."""
        return np.mean([as_fraction(table.columns[name]) for name in self.columns], axis=0)


def as_fraction(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Accuracies in 0 to 1: a column with a value above 1.5 is in percent."""
    return values / 100 if values.max() > 1.5 else values


def hrs(clean: NDArray[np.float64], robust: NDArray[np.float64]) -> NDArray[np.float64]:
    """Harmonic robustness score 2CR/(C+R) of fractions; 0 where both are 0."""
    total = clean + robust
    return 2 * clean * robust / np.where(total > 0, total, 1)


def targets(table: Table, names: Sequence[str] | None = None, grouping: str = "paper") -> tuple[Target, ...]:
    """The targets that ``table`` has columns for: clean, FGSM, PGD and the corruption groups of ``grouping``.

    ``names`` selects some of them, or columns by their own name. A table without any robust one of them offers
    each of its columns under its own name. Raises `UsageError` for a name that is neither.
    """
    known = {target.name: target for target in _known(table, grouping)}
    if names is None:
        found = list(known.values())
        if all(target.clean for target in found):  # a table of its own kind: every column is a target
            taken = {column for target in found for column in target.columns}
            found += [Target(n, (n,)) for n in table.columns if n not in taken and n not in NOT_ACCURACIES]
        if not found:
            raise UsageError(f"{table.path} has no column of accuracies beside its architectures")
        return tuple(found)
    chosen = []
    for name in names:
        if name not in known and name not in table.columns:
            raise UsageError(
                f"{table.path} has no target {name!r}: {closest(name, [*known, *table.columns])}; "
                f"its targets are {', '.join(known) or ', '.join(table.columns)}"
            )
        chosen.append(known.get(name) or Target(name, (name,)))
    return tuple(chosen)


def _known(table: Table, grouping: str) -> list[Target]:
    if grouping not in GROUPINGS:
        raise UsageError(f"unknown grouping {grouping!r}: {closest(grouping, list(GROUPINGS))}")
    found = []
    for ending in CLEAN:
        if clean := _ending(table, ending):
            found.append(Target("clean", (clean,), clean=True))
            break
    robust = [Target(name, (column,)) for name, ending in ATTACKS.items() if (column := _ending(table, ending))]
    for group, kinds in GROUPINGS[grouping].items():
        columns = [_ending(table, f"{kind}.s{severity}") for kind in kinds for severity in SEVERITIES]
        if all(columns):
            robust.append(Target(group, tuple(column for column in columns if column)))
    return [*found, *robust]


def _ending(table: Table, ending: str) -> str | None:
    """The one column with this ending after a dot. Raises `UsageError` if there are several."""
    matches = [name for name in table.columns if name == ending or name.endswith(f".{ending}")]
    if len(matches) > 1:
        raise UsageError(
            f"{table.path} has several columns for {ending!r}: {', '.join(matches)}; choose targets by column name"
        )
    return matches[0] if matches else None


def with_harmonic(
    found: Sequence[Target], table: Table
) -> tuple[Mapping[str, NDArray[np.float64]], Mapping[str, NDArray[np.float64]]]:
    """Accuracies of every target by name, and its HRS with clean accuracy where the table has that."""
    accuracies = {target.name: target.accuracies(table) for target in found}
    clean = next((accuracies[target.name] for target in found if target.clean), None)
    if clean is None:
        return accuracies, {}
    return accuracies, {t.name: hrs(clean, accuracies[t.name]) for t in found if not t.clean}
