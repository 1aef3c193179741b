"""How long a table still takes."""

from __future__ import annotations

from collections.abc import Mapping

from evonas.tabulating.job import Job, Outcome


class Forecast:
    """Estimated seconds of every missing training, corrected by those that have finished."""

    def __init__(self, estimated: Mapping[Job, float] | None, missing: int, workers: int) -> None:
        self._left = dict(estimated or {})
        self._missing, self._workers = missing, max(1, min(workers, missing))
        self._taken = self._foreseen = 0.0
        self._finished = 0

    def add(self, outcome: Outcome) -> None:
        """One more training has finished."""
        self._foreseen += self._left.pop(outcome.job, 0.0)
        self._taken += outcome.seconds
        self._finished += 1

    @property
    def seconds(self) -> float | None:
        """Computing time of the missing trainings; None if unknown."""
        if self._left:
            return sum(self._left.values()) * (self._taken / self._foreseen if self._foreseen else 1.0)
        if self._finished:
            return self._taken / self._finished * (self._missing - self._finished)
        return None

    @property
    def remaining(self) -> float | None:
        """Time until all have finished; None if unknown."""
        return None if self.seconds is None else self.seconds / self._workers
