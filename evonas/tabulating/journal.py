"""Finished trainings of a table in a small SQLite file."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from evonas.core.strict_json import parse_json
from evonas.tables.kept import KeptFile
from evonas.tabulating.job import Job, Outcome


class TrainingFile(KeptFile):
    """Outcomes by (genotype, seed), and the identity that they depend on."""

    content, option = "trainings", "--out"
    schema = (
        "CREATE TABLE IF NOT EXISTS trainings (genotype TEXT, seed INTEGER, accuracies TEXT, reason TEXT, "
        "seconds REAL, PRIMARY KEY (genotype, seed)) WITHOUT ROWID"
    )

    def convert(self) -> None:
        self.db.execute("CREATE TABLE IF NOT EXISTS identity (content TEXT)")

    @property
    def empty(self) -> bool:
        """Whether no training is finished."""
        with self.reported():
            return self.db.execute("SELECT 1 FROM trainings LIMIT 1").fetchone() is None

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that the trainings depend on, also the unfinished ones; empty if it cannot be read."""
        with self.reported():
            row = self.db.execute("SELECT content FROM identity").fetchone()
        try:
            found = parse_json(row[0])
        except (TypeError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Store the identity of the trainings that follow."""
        with self.reported(), self.db:
            self.db.execute("DELETE FROM identity")
            self.db.execute("INSERT INTO identity VALUES (?)", (json.dumps(identity),))

    def known(self, columns: Collection[str]) -> dict[Job, Outcome]:
        """The sound trainings, whose accuracies are those of ``columns``."""
        with self.reported():
            rows = self.db.execute("SELECT genotype, seed, accuracies, reason, seconds FROM trainings").fetchall()
        found = (_read(columns, *row) for row in rows)
        return {outcome.job: outcome for outcome in found if outcome is not None}

    def add(self, outcome: Outcome) -> None:
        """Store one training in one transaction, unless it could end differently if it was repeated."""
        if not outcome.final:
            return
        row = (*outcome.job, json.dumps(dict(outcome.values)), outcome.reason, outcome.seconds)
        with self.reported(), self.db:
            self.db.execute("INSERT OR REPLACE INTO trainings VALUES (?, ?, ?, ?, ?)", row)


def _read(
    columns: Collection[str], genotype: Any, seed: Any, accuracies: Any, reason: Any, seconds: Any
) -> Outcome | None:
    """SQLite keeps values of any type in any column; None for those that are not a training."""
    try:
        values = {str(name): float(value) for name, value in parse_json(accuracies).items()}
        outcome = Outcome(Job(str(genotype), int(seed)), values, str(reason), float(seconds))
    except (TypeError, ValueError, AttributeError):
        return None
    accurate = values.keys() == set(columns) and all(0 <= value <= 1 for value in values.values())
    return outcome if bool(outcome.reason) != accurate and not (outcome.reason and values) else None
