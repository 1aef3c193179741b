"""Which proxy or sum of proxies predicts a target of a table, and whether it beats counting parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from evonas.core.events import Event
from evonas.data.tables.table import Table
from evonas.data.tables.units import AUTOMATIC, UnitOption
from evonas.engine import Engine
from evonas.searching.objectives.fitness_file import FitnessFile
from evonas.tables.account import complete
from evonas.tables.combinations import Combination, best_combination
from evonas.tables.correlate import SIZE
from evonas.tables.dead import dead_layers
from evonas.tables.nested import CHOSEN, Estimate, Nested, nested
from evonas.tables.sampling import sample
from evonas.tables.scores import Observer, ScoreFile, score_and_keep
from evonas.tables.statistics import Floats, correlations
from evonas.tables.targets import Target, targets
from fitness import Task, proxies
from fitness.composite import Composite, Member
from spaces import UsageError

MIN_ARCHITECTURES = 30
FOLDS, REPEATS = 5, 3
LENGTHS = (1, 2, 3)  # proxies in a sum
RESAMPLES = 1000  # of the bootstrap


@dataclass(frozen=True)
class SplitFinished(Event):
    """One more outer fold of the cross-validation is done."""

    done: int
    total: int
    seconds: float  # that it took
    name: ClassVar[str] = "split"


@dataclass(frozen=True)
class Single:
    """One proxy over all architectures; None where a value does not exist."""

    rho: float | None
    rho_ci95: list[float] | None
    partial: float | None  # with the number of parameters held fixed
    partial_ci95: list[float] | None
    missing: int  # architectures without a score


@dataclass(frozen=True)
class Calibration:
    """The result of `calibrate`."""

    target: Target
    architectures: int
    singles: Mapping[str, Single]
    nested: Nested
    names: tuple[str, ...]  # of the proxies in the columns that ``chosen`` counts
    chosen: Combination  # over all architectures, of the length that most held-out folds chose
    notes: tuple[str, ...] = ()

    @property
    def formula(self) -> str:
        """The chosen sum, as `--proxy` would take it."""
        return self.chosen.text(self.names)

    @property
    def gain(self) -> Estimate:
        """Held-out rho of the choice minus that of the number of parameters."""
        found = self.nested.held[CHOSEN].gain
        assert found is not None
        return found

    @property
    def verdict(self) -> str:
        """One sentence on whether the choice is better than counting parameters."""
        gain, rho = self.gain, self.nested.held[CHOSEN].rho
        numbers = f"rho {rho.mean:.2f} [{rho.low:.2f}, {rho.high:.2f}] on held-out architectures, "
        numbers += f"{gain.mean:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}] against {SIZE}"
        if gain.low > 0:
            return f"{self.formula} predicts {self.target.name} better than counting parameters: {numbers}"
        return (
            f"nothing here is shown to beat counting parameters for {self.target.name}: the choice has {numbers}"
        )

    def fitness(self, space: str, evidence: Mapping[str, Any]) -> FitnessFile:
        """The choice as a fitness of searches in ``space``; ``evidence`` says what else it rests on."""
        chosen = self.chosen
        members = [
            Member(self.names[i], float(weight)) for i, weight in zip(chosen.members, chosen.weights, strict=True)
        ]
        held = self.nested.held[CHOSEN]
        found = {"architectures": self.architectures, "rho": chosen.rho, "held_out": held.rho.as_dict()}
        return FitnessFile(
            self.target.name,
            space,
            Composite(tuple(members), chosen.means, chosen.deviations),
            {member.name: proxies[member.name].version for member in members},
            {**found, f"against_{SIZE}": self.gain.as_dict(), "verdict": self.verdict, **evidence},
        )

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of ``evonas calibrate --json``."""
        return {
            "target": self.target.name,
            "columns": list(self.target.columns),
            "architectures": self.architectures,
            "proxies": {name: vars(single) for name, single in self.singles.items()},
            "nested": self.nested.as_dict(),
            "chosen": {"formula": self.formula, "rho": self.chosen.rho},
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


def calibrate(
    table: Table,
    task: Task,
    *,
    names: Sequence[str] | None = None,
    n: int | None = None,
    target_name: str | None = None,
    grouping: str = "paper",
    unit: UnitOption = AUTOMATIC,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    seed: int = 0,
    score_file: str | Path | None = None,
    engine: Engine | None = None,
    observer: Observer | None = None,
    splits: Callable[[SplitFinished], object] | None = None,
    announce: Callable[[str], object] | None = None,
) -> Calibration:
    """Scores ``n`` isomorphism classes (default: all) by the proxies ``names`` (default: all registered ones).

    Sums of one, two and three standardised proxies with weights of 1 and -1 compete for the largest Spearman's
    rho with the target (default: the first one that is not the clean accuracy). How well the choice ranks
    is estimated by nested cross-validation over architectures, see `evonas.tables.nested`.
    Raises `UsageError` for invalid arguments, before anything is scored.
    """
    names = list(dict.fromkeys([*(proxies if names is None else names), SIZE]))
    for name in names:
        proxies[name]  # the error of an unknown name suggests the closest ones
    target = _target(table, target_name, grouping, unit)
    table, notes = complete(table, [target])
    first = np.zeros(len(table), dtype=bool)
    first[sample(table, n, seed)] = True
    table = table.rows(first)
    if len(table) < MIN_ARCHITECTURES:
        raise UsageError(
            f"{table.path} has {len(table)} different architectures with a value; a calibration needs at least "
            f"{MIN_ARCHITECTURES}"
        )
    truth = target.sign * target.accuracies(table)
    if np.ptp(truth) == 0:
        raise UsageError(f"{table.path}: {target.name} is the same for all {len(table)} architectures")
    dead = dead_layers(table.genotypes, task)
    if dead and announce is not None:
        announce(dead)
    kept = None if score_file is None else ScoreFile(score_file)
    try:
        scored = score_and_keep(
            table.genotypes, names, task, kept=kept, engine=engine, observer=observer, announce=announce
        )
    finally:
        if kept is not None:
            kept.db.close()
    scores = np.array(
        [[np.nan if score.value is None else score.value for score in scored[name]] for name in names]
    ).T  # (n, k)
    found = nested(
        scores,
        truth,
        names,
        SIZE,
        LENGTHS,
        folds=folds,
        repeats=repeats,
        seed=seed,
        observer=None if splits is None else lambda *progress: splits(SplitFinished(*progress)),
    )
    return Calibration(
        target,
        len(table),
        _singles(scores, truth, names, seed),
        found,
        tuple(names),
        best_combination(scores, truth, found.length),
        tuple(notes),
    )


def _target(table: Table, name: str | None, grouping: str, unit: UnitOption) -> Target:
    if name is not None:
        return targets(table, [name], grouping, unit)[0]
    found = targets(table, None, grouping, unit)
    return next((target for target in found if not target.clean), found[0])


def _singles(scores: Floats, truth: Floats, names: Sequence[str], seed: int) -> dict[str, Single]:
    """Each proxy over the architectures that have a score by it."""
    size = scores[:, names.index(SIZE)]
    found = {}
    for name, column in zip(names, scores.T, strict=True):
        some = np.isfinite(column)
        if some.sum() < MIN_ARCHITECTURES or np.ptp(column[some]) == 0:
            found[name] = Single(None, None, None, None, int((~some).sum()))
            continue
        one = correlations(
            column[some, None], truth[some, None], [[0]], size[some], resamples=RESAMPLES, seed=seed
        )
        found[name] = Single(
            _plain(one.spearman[0, 0]),
            _interval(one.spearman_interval[0, 0]),
            _plain(one.partial[0, 0]),
            _interval(one.partial_interval[0, 0]),
            int((~some).sum()),
        )
    return found


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _interval(bounds: Floats) -> list[float] | None:
    return [float(bound) for bound in bounds] if np.isfinite(bounds).all() else None
