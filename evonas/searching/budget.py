"""When a search ends: by its generations, by its evaluations, or where no new network is found."""

from __future__ import annotations

from collections.abc import Sequence

from evonas.searching.algorithm import Birth
from evonas.store.run import Run
from evonas.store.schema import GenerationRow
from evonas.store.settings import SearchSettings
from spaces import spaces

MAX_IDLE = 100  # generations in a row without a new network; then a search without a limit of generations ends


class Budget:
    """The limits of a search, and how many of its last generations had no new network."""

    def __init__(self, run: Run, settings: SearchSettings) -> None:
        self.run, self.settings, self.space = run, settings, spaces[settings.space]
        rows = run.generations(last=MAX_IDLE + 1)
        self.idle = sum(row.evaluations == rows[-1].evaluations for row in rows) - 1 if rows else 0

    @property
    def exhausted(self) -> str:
        """Why a search without a limit of generations ends before its budget is spent; empty if it does not."""
        if self.settings.generations is not None or self.idle < MAX_IDLE:
            return ""
        return f"the last {MAX_IDLE} generations had no new network: the search ends"

    @property
    def total_births(self) -> int | None:
        """The number of births of a search that ends by its generations."""
        population, children = self.settings.population or 0, self.settings.children or 1
        return None if self.settings.generations is None else population + self.settings.generations * children

    def cut(self, asked: Sequence[Birth], evaluations: int) -> list[Birth]:
        """The births before the first whose evaluation would exceed the budget."""
        if self.settings.evaluations is None:
            return list(asked)
        left, new = self.settings.evaluations - evaluations, set[str]()
        if len(asked) <= left:
            return list(asked)
        for number, birth in enumerate(asked):
            key = str(self.space.canonical(birth.genotype))
            if key not in new and not self.run.born(key):
                new.add(key)
            if len(new) > left:
                return list(asked[:number])
        return list(asked)

    def finished(self, before: int, row: GenerationRow) -> None:
        """A generation is finished; ``before`` it there were so many evaluations."""
        self.idle = self.idle + 1 if row.evaluations == before else 0
