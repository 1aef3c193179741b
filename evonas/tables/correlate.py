"""How well proxies rank trained networks, also given the size of the networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evonas.data.tables.table import Table
from evonas.data.tables.trainings import Noise
from evonas.data.tables.units import AUTOMATIC, UnitOption
from evonas.engine import Engine
from evonas.tables import statistics
from evonas.tables.account import Account, account, complete
from evonas.tables.choice import choice
from evonas.tables.dead import dead_layers
from evonas.tables.noise import noise_of
from evonas.tables.sampling import MIN_SAMPLE, sample
from evonas.tables.scores import Observer, ScoreFile, score_and_keep
from evonas.tables.statistics import Floats
from evonas.tables.targets import targets, with_harmonic
from fitness import Score, Task, composite, proxies
from spaces import UsageError
from spaces.registry import closest

SIZE = "params"  # held fixed in partial correlations by default

FIELDS = {  # of `Correlation` by name, with those of `evonas.tables.statistics.Correlations`
    "spearman": "spearman",
    "ci95": "spearman_interval",
    "kendall": "kendall",
    "partial": "partial",
    "partial_ci95": "partial_interval",
    "gain": "gain",
    "gain_ci95": "gain_interval",
}
Cells = dict[str, dict[str, Any]]  # proxy -> target -> value


@dataclass(frozen=True)
class Correlation:
    """Rank correlations of proxies with trained accuracies; None wherever a value does not exist.

    ``scores`` and ``accuracies`` are the sampled values themselves, for plots: NaN is a score without a value. A
    rho is positive where high scores go with better values: larger ones, or smaller ones of an error or a time.
    """

    n: int
    target: tuple[str, ...]
    spearman: Cells
    ci95: Cells  # bootstrap interval of spearman, [low, high]
    kendall: Cells  # tau-b
    partial: Cells  # Spearman with the score ``given`` held fixed
    partial_ci95: Cells
    gain: Cells  # spearman minus that of the score ``against``, over the same architectures
    gain_ci95: Cells  # paired bootstrap interval
    average: dict[str, float | None]  # mean of spearman over the targets
    chosen: Cells  # accuracies of the ten best-scored architectures, see `choice`
    missing: dict[str, dict[str, int]]  # proxy -> reason -> architectures without a value
    seconds: dict[str, float]  # proxy -> mean time of one architecture
    scores: dict[str, Floats]
    accuracies: Mapping[str, Floats]
    architectures: tuple[Any, ...]
    table: Account  # the columns of the table
    given: str
    against: str | None
    noise: Mapping[str, Noise | None]  # of each target between retrainings
    path: str  # of the table

    @property
    def genotypes(self) -> tuple[str, ...]:
        """The sampled genotypes as text."""
        return tuple(map(str, self.architectures))

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``evonas correlate --json``."""
        return {
            "n": self.n,
            "target": list(self.target),
            "spearman": self.spearman,
            "kendall": self.kendall,
            "ci95": self.ci95,
            "given": self.given,
            "partial": self.partial,
            "partial_ci95": self.partial_ci95,
            "against": self.against,
            "gain": self.gain if self.against else None,
            "gain_ci95": self.gain_ci95 if self.against else None,
            "noise": {name: None if noise is None else noise._asdict() for name, noise in self.noise.items()},
            "average": self.average,
            "chosen": self.chosen,
            "missing": self.missing,
            "seconds": self.seconds,
            "architectures": [
                {
                    "genotype": genotype,
                    "scores": {name: _plain(column[i]) for name, column in self.scores.items()},
                    "targets": {name: _plain(self.accuracies[name][i]) for name in self.target},
                }
                for i, genotype in enumerate(self.genotypes)
            ],
            "table": self.table.as_dict(),
        }


def correlate(
    table: Table,
    names: Sequence[str],
    task: Task,
    *,
    n: int | None = None,
    seed: int = 0,
    all_ids: bool = False,
    half: str | None = None,
    target_names: Sequence[str] | None = None,
    grouping: str = "paper",
    unit: UnitOption = AUTOMATIC,
    scored_on: str | None = None,
    trained_on: str | None = None,
    score_file: str | Path | None = None,
    engine: Engine | None = None,
    pair: tuple[str, str] | None = None,
    given: str = SIZE,
    against: str | None = None,
    resamples: int = 1000,
    observer: Observer | None = None,
    announce: Callable[[str], object] | None = None,
) -> Correlation:
    """Scores a sample of ``table`` by the proxies and composites ``names`` and correlates with its accuracies.

    ``engine``, opened, computes the scores; ``score_file`` keeps every one, so that an interrupted or enlarged
    correlation continues. A composite is standardised on the sample. ``pair`` names a proxy and a target that
    will be looked at together. ``given`` is the proxy that partial correlations hold fixed, ``against`` a proxy
    or composite that all are compared with. ``scored_on`` is the data set of the images, ``trained_on`` that of
    the accuracies, if it is known. ``announce`` gets messages. Architectures without a value in a column of the
    targets are skipped, see `Correlation.table`.
    Raises `UsageError` for invalid arguments, before anything is scored.
    """
    if not names:
        raise UsageError(f"--proxy needs at least one name; choose from {', '.join(proxies)}")
    if proxies[given].needs_images:
        closed = ", ".join(name for name in proxies if not proxies[name].needs_images)
        raise UsageError(f"--given takes a proxy that needs no images: {closed}; not {given}")
    members = {name: composite.parse(name) for name in dict.fromkeys([*names, *([against] if against else [])])}
    found = targets(table, target_names, grouping, unit)
    if pair is not None:
        check_pair(*pair, list(members), [target.name for target in found])
    table, notes = complete(table, found)
    if notes and len(table) < MIN_SAMPLE:
        raise UsageError(f"{table.path}: {'; '.join(notes)}; at least {MIN_SAMPLE} without empty cells are needed")
    rows = sample(table, n, seed, all_ids, half)
    if n is half is None and len(rows) < len(table):
        repeated = len(table) - len(rows)
        notes.append(
            f"{repeated} of {len(table)} architectures are isomorphic to another; --all-ids includes them"
        )
    taken = account(table, found, unit, target_names is not None, notes).scored(scored_on, trained_on)
    if len(rows) < MIN_SAMPLE:
        raise UsageError(f"{table.path} has {len(rows)} architectures; a correlation needs at least {MIN_SAMPLE}")
    single = [member.name for parts in members.values() for member in parts]
    genotypes = [table.genotypes[row] for row in rows]
    taken = replace(taken, dead=dead_layers(genotypes, task))
    for note in filter(None, [taken.other_data_set, taken.dead]):
        if announce is not None:
            announce(note)
    with nullcontext() if score_file is None else ScoreFile(score_file) as kept:
        scored = score_and_keep(
            genotypes, [*single, given], task, kept=kept, engine=engine, observer=observer, announce=announce
        )
    combined = {name: _combined(name, parts, scored) for name, parts in members.items()}
    return _report(table, rows, taken, combined, (given, scored[given]), against, resamples, seed)


def check_pair(proxy: str, target: str, names: Sequence[str], targets: Sequence[str]) -> None:
    """Raises `UsageError` for a proxy or a target that is not correlated."""
    for name, known, what in ((proxy, names, "proxy"), (target, targets, "target")):
        if name not in known:
            raise UsageError(f"the correlation has no {what} {name!r}: {closest(name, list(known))}")


def _combined(name: str, parts: Sequence[composite.Member], scored: Mapping[str, list[Score]]) -> list[Score]:
    if not composite.is_composite(name):
        return scored[name]
    population = {member.name: scored[member.name] for member in parts}
    fixed = composite.standardise(parts, population)
    return [
        fixed.combine(dict(zip(population, row, strict=True)))
        for row in zip(*(scored[member.name] for member in parts), strict=True)
    ]


def _report(
    table: Table,
    rows: list[int],
    taken: Account,
    scored: Mapping[str, list[Score]],
    fixed: tuple[str, list[Score]],
    against: str | None,
    resamples: int,
    seed: int,
) -> Correlation:
    found = taken.targets
    values = {
        name: np.array([np.nan if score.value is None else score.value for score in column])
        for name, column in scored.items()
    }
    given, sizes = fixed
    size = np.array([score.value for score in sizes], dtype=np.float64)
    parts = {target.name: (target.name,) if target.averaged else target.columns for target in found}
    used = list(dict.fromkeys(column for target in found for column in parts[target.name]))
    ranked = {column: target.sign * table.columns[column] for target in found for column in target.columns}
    ranked |= {target.name: target.sign * target.accuracies(table) for target in found if target.averaged}
    columns = np.column_stack([ranked[name][rows] for name in used])
    groups = [[used.index(column) for column in parts[target.name]] for target in found]
    cells: dict[str, Cells] = {name: {} for name in FIELDS}
    for kept, together in _by_presence(values):
        other = against if against is not None and np.isfinite(values[against][kept]).all() else None
        if kept.sum() >= MIN_SAMPLE:
            columns_of = [*together, *([other] if other is not None and other not in together else [])]
            found_now = statistics.correlations(
                np.column_stack([values[name][kept] for name in columns_of]),
                columns[kept],
                groups,
                size[kept],
                resamples=resamples,
                seed=seed,
                against=None if other is None else columns_of.index(other),
            )
        for i, name in enumerate(together):
            for key, field in FIELDS.items():
                cells[key][name] = {
                    target.name: _plain(getattr(found_now, field)[i, j]) if kept.sum() >= MIN_SAMPLE else None
                    for j, target in enumerate(found)
                }
    in_order = {key: {name: part[name] for name in values} for key, part in cells.items()}
    accuracies, harmonic = with_harmonic(found, table)
    return Correlation(
        n=len(rows),
        target=tuple(target.name for target in found),
        **in_order,
        average={name: _mean(list(row.values())) for name, row in in_order["spearman"].items()},
        chosen={name: choice(column, rows, found, accuracies, harmonic) for name, column in values.items()},
        missing={
            name: dict(Counter(score.reason for score in column if score.value is None))
            for name, column in scored.items()
        },
        seconds={name: float(np.mean([score.seconds for score in column])) for name, column in scored.items()},
        scores=values,
        accuracies={name: column[rows] for name, column in accuracies.items()},
        architectures=tuple(table.genotypes[row] for row in rows),
        table=taken,
        given=given,
        against=against,
        noise={target.name: noise_of(target, table.rows(_mask(rows, len(table)))) for target in found},
        path=table.path,
    )


def _mask(rows: Sequence[int], count: int) -> np.ndarray:
    mask = np.zeros(count, dtype=bool)
    mask[list(rows)] = True
    return mask


def _by_presence(values: Mapping[str, Floats]) -> list[tuple[np.ndarray, list[str]]]:
    """Proxies that have a value for the same architectures, together: their ranks are computed once."""
    found: dict[bytes, tuple[np.ndarray, list[str]]] = {}
    for name, column in values.items():
        kept = np.isfinite(column)
        found.setdefault(kept.tobytes(), (kept, []))[1].append(name)
    return list(found.values())


def _plain(value: Any) -> Any:
    """A number or a list of two, None in place of NaN."""
    if np.ndim(value):
        return [_plain(v) for v in value] if np.isfinite(value).all() else None
    return float(value) if np.isfinite(value) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) and known else None
