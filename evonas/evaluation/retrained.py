"""Accuracies over several trainings of one genotype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evonas.evaluation.outcomes import listed, object_in, text_in
from evonas.evaluation.spread import Spread

KEY = "retrainings"  # in evaluation.json


@dataclass(frozen=True)
class Retrained:
    """Accuracies over several trainings of one genotype, the first one included."""

    planned: int  # trainings in all
    seeds: tuple[int, ...]  # of those that are evaluated
    failed: Mapping[int, str] = field(default_factory=dict)  # reasons by seed
    columns: Mapping[str, Spread] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The evaluated trainings."""
        return len(self.seeds)

    @property
    def notes(self) -> list[str]:
        """What is missing, a line each."""
        lines = [f"the training with seed {seed} failed: {reason}" for seed, reason in self.failed.items()]
        missing = self.planned - self.count - len(self.failed)
        return lines + ([f"{missing} of {self.planned} trainings are not finished"] if missing else [])

    def as_json(self) -> dict[str, Any]:
        """The input of `from_json`."""
        return {
            "planned": self.planned,
            "seeds": list(self.seeds),
            "failed": {str(seed): reason for seed, reason in self.failed.items()},
            "columns": {name: spread.as_json() for name, spread in self.columns.items()},
        }

    @classmethod
    def from_json(cls, values: Any) -> Retrained:
        """The inverse of `as_json`. Raises `ValueError` if it is not that."""
        found = object_in(values, KEY)
        failed, columns = (object_in(found.get(name, {}), name) for name in ("failed", "columns"))
        planned, seeds = found.get("planned"), tuple(listed(found, "seeds"))
        if type(planned) is not int or not seeds or any(type(seed) is not int for seed in seeds):
            raise ValueError("the seeds of the retrainings are not whole numbers")
        spreads = {name: Spread.from_json(spread, name) for name, spread in columns.items()}
        if any(len(spread.values) != len(seeds) for spread in spreads.values()):
            raise ValueError("the retrainings do not have an accuracy for each seed")
        return cls(planned, seeds, {int(seed): text_in(failed, seed) for seed in failed}, spreads)


def over(
    seeds: tuple[int, ...], rows: Sequence[Mapping[str, float]], planned: int, failed: Mapping[int, str]
) -> Retrained:
    """From the columns of each training in ``rows``, in order of the ``seeds``."""
    columns = {name: Spread.of([row[name] for row in rows]) for name in rows[0]}
    return Retrained(planned, seeds, failed, columns)
