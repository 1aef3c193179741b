"""Finished trials of benchmarks in a small SQLite file."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.core.digests import code_digest
from evonas.core.version import __version__
from evonas.searching.algorithms import algorithms
from evonas.store.objective import Objective
from evonas.tables.arena import Arena
from evonas.tables.contenders import Contender
from evonas.tables.kept import KeptFile
from evonas.tables.limits import Limits
from evonas.tables.trial import Trial

FORMAT = 1


def identity(
    contender: Contender,
    objective: Objective,
    arena: Arena,
    values: NDArray[np.float64],
    seed: int,
    limits: Limits | None = None,
) -> str:
    """A digest of everything that a trial depends on, except its number and the number of its queries."""
    rows = hashlib.sha256("\n".join(map(str, arena.genotypes)).encode())
    rows.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    known: dict[str, Any] = {
        "format": FORMAT,
        "evonas": __version__,
        "space": arena.space_name,
        "by_class": arena.by_class,
        "rows": rows.hexdigest(),
        "objective": list(objective),
        "seed": seed,
        "code": code_digest(algorithms[contender.algorithm]),
        **contender.as_dict(),
    }
    if limits is not None:
        known["limits"] = limits.identity()
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]


class TrialFile(KeptFile):
    """Trials by (identity, number of the trial). A stored trial serves every smaller number of queries."""

    content, option = "trials", "--results"
    schema = (
        "CREATE TABLE IF NOT EXISTS trials (identity TEXT, trial INTEGER, evaluations INTEGER, queries INTEGER, "
        "improvements TEXT, seconds REAL, algorithm TEXT, objective TEXT, infeasible TEXT, "
        "PRIMARY KEY (identity, trial)) WITHOUT ROWID"
    )

    def convert(self) -> None:
        if "infeasible" not in [row[1] for row in self.db.execute("PRAGMA table_info(trials)")]:
            self.db.execute("ALTER TABLE trials ADD COLUMN infeasible TEXT")

    def known(self, identity: str, evaluations: int, rows: int) -> dict[int, Trial]:
        """The sound trials of at least ``evaluations`` queries, cut to these, by number."""
        with self.reported():
            found = self.db.execute(
                "SELECT trial, queries, improvements, seconds, coalesce(infeasible, '[]') FROM trials "
                "WHERE identity = ? AND evaluations >= ?",
                (identity, evaluations),
            ).fetchall()
        trials = {number: _read(rows, *stored) for number, *stored in found}
        return {number: trial.until(evaluations) for number, trial in trials.items() if trial is not None}

    def add(
        self, identity: str, number: int, evaluations: int, trial: Trial, contender: Contender, name: str
    ) -> None:
        """Store one trial in one transaction."""
        row = (trial.queries, json.dumps(trial.improvements), trial.seconds, contender.algorithm, name)
        infeasible = json.dumps(trial.infeasible)
        with self.reported(), self.db:
            self.db.execute(
                "INSERT OR REPLACE INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (identity, number, evaluations, *row, infeasible),
            )


def _read(rows: int, queries: Any, improvements: Any, seconds: Any, infeasible: Any) -> Trial | None:
    """SQLite keeps values of any type in any column; None for those that are not a trial."""
    try:
        pairs = tuple((int(at), int(row)) for at, row in json.loads(improvements))
        broken = tuple(map(int, json.loads(infeasible)))
        trial = Trial(int(queries), pairs, float(seconds), broken)
    except (TypeError, ValueError):
        return None
    order = [at for at, _ in pairs]
    sound = order[:1] == [1] and order == sorted(set(order)) and order[-1] <= trial.queries
    sound = sound and list(broken) == sorted({*broken} & {*range(1, trial.queries + 1)})
    return trial if sound and all(0 <= row < rows for _, row in pairs) else None
