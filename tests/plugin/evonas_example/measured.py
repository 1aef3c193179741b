"""A kind of fitness: numbers that were measured for chains, ``CHAIN NUMBER`` in each line of a text file."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.searching.objectives import fitness_kinds
from evonas.searching.objectives.fitness import Fitness, Objective
from fitness import Score, Task
from spaces import Space, UsageError


@fitness_kinds.register("measured")
@dataclass(frozen=True)
class Measured(Fitness):
    """The number of a chain in a text file."""

    path: str
    form = "PATH"

    @property
    def text(self) -> str:
        return f"measured:{self.path}"

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("measured"),)

    def identity(self) -> dict[str, Any]:
        return {"measured": hashlib.sha256(self._content().encode()).hexdigest()}

    def check(self, space: Space) -> Sequence[str]:
        if space.name != "chain":
            raise UsageError(f"{self.path} has numbers of chains: add --space chain")
        return [] if self._content() else [f"{self.path} is empty, so no chain has a score"]

    def score(self, genotypes: Sequence[Any], task: Task) -> Iterator[Mapping[str, Score]]:
        numbers = dict(line.split() for line in self._content().splitlines())
        for genotype in genotypes:
            number = numbers.get(str(task.space.canonical(genotype)))
            yield {"measured": Score(None, "not measured") if number is None else Score(float(number))}

    def _content(self) -> str:
        try:
            return Path(self.path).read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from None
