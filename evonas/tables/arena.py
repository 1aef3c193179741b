"""The rows of a table as a search space: what a search can ask for, and which networks are the same."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from spaces import Space, spaces

if TYPE_CHECKING:
    from numpy.random import Generator

CACHED = 1 << 16  # genotypes whose neighbours or encoding a process keeps


@dataclass(frozen=True)
class Arena:
    """The architectures that a search can query: all rows of a table, or one of each isomorphism class.

    As an admission, only genotypes with a row may be born: a random one is a random row, a mutation a random
    neighbour that has a row.
    """

    space_name: str
    genotypes: tuple[Any, ...]
    by_class: bool = False  # isomorphic genotypes share the row of their class

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # workers make the rest

    @property
    def whole(self) -> Space:
        """The space with all of its genotypes."""
        return spaces[self.space_name]

    @cached_property
    def space(self) -> Space:
        """The space with these genotypes only; the canonical form of a genotype is that of its row."""
        original = self.whole
        original.encode(original.random(np.random.default_rng(0)))  # lays out the vector of all operations
        kind = type(original)
        restricted: Space = object.__new__(type(f"Rows{kind.__name__}", (_Rows, kind), {}))
        vars(restricted).update(vars(original), arena=self)
        return restricted

    @cached_property
    def _rows(self) -> dict[Any, int]:
        return {genotype: row for row, genotype in enumerate(self.genotypes)}

    @cached_property
    def _classes(self) -> dict[str, int]:
        key = self.whole.key
        return {key(genotype): row for row, genotype in enumerate(self.genotypes)} if self.by_class else {}

    def row(self, genotype: Any) -> int | None:
        """The row that a query of ``genotype`` reads; None if the table lacks it."""
        found = self._rows.get(genotype)
        if found is None and self.by_class:
            found = self._classes.get(self.whole.key(genotype))
        return found

    def admits(self, genotype: Any) -> bool:
        return self.row(genotype) is not None

    def random(self, rng: Generator) -> Any:
        """The genotype of a row, all with equal chance."""
        return self.genotypes[int(rng.integers(len(self.genotypes)))]

    def mutate(self, parent: Any, rng: Generator) -> Any:
        """A neighbour that the table has, all with equal chance; a random row if there is none."""
        neighbours = self.space.neighbours(parent)
        return neighbours[int(rng.integers(len(neighbours)))] if neighbours else self.random(rng)


class _Rows:
    """Stands before the class of a space: its methods know only the rows of ``arena``."""

    arena: Arena

    def random(self, rng: Generator) -> Any:
        return self.arena.random(rng)

    def canonical(self, genotype: Any) -> Any:
        row = self.arena.row(genotype)
        return genotype if row is None else self.arena.genotypes[row]

    def neighbours(self, genotype: Any) -> list[Any]:
        return list(self._cached[0](genotype))

    def encode(self, genotype: Any) -> Any:
        return self._cached[1](genotype)

    @cached_property
    def _cached(self) -> tuple[Any, Any]:
        whole: Any = super()
        neighbours, encode, admits = whole.neighbours, whole.encode, self.arena.admits
        return (
            lru_cache(CACHED)(lambda genotype: tuple(filter(admits, neighbours(genotype)))),
            lru_cache(CACHED)(encode),
        )
