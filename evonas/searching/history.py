"""The individuals of a run as an algorithm reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evonas.store.individual import Individual
from evonas.store.queries import Records


class RunHistory:
    """The individuals of a run."""

    def __init__(self, run: Records) -> None:
        self._run = run

    def __iter__(self) -> Iterator[Individual]:
        return self._run.individuals()

    def of(self, births: Iterable[int]) -> list[Individual]:
        return self._run.individuals_of(births)
