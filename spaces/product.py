"""Spaces in which every position of a genotype takes one of its values, whatever the others are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from spaces.base import Space
from spaces.recombination import uniform

if TYPE_CHECKING:
    from numpy.random import Generator


class ProductSpace(Space):
    """A space of `choices`: draws, edits and crossover follow from them."""

    choices: ClassVar[Sequence[Sequence[str]]]  # the values of each position
    genotype: ClassVar[type]  # takes a tuple of one value for each position

    def genes(self, genotype: Any) -> tuple[str, ...]:
        """The values of ``genotype``; by default it is a sequence of them."""
        return tuple(genotype)

    def random(self, rng: Generator) -> Any:
        return self._of([values[int(rng.integers(len(values)))] for values in self.choices])

    def neighbours(self, genotype: Any) -> list[Any]:
        genes = self.genes(genotype)
        return [
            self._of([*genes[:i], value, *genes[i + 1 :]])
            for i, values in enumerate(self.choices)
            for value in values
            if value != genes[i]
        ]

    def recombine(self, a: Any, b: Any, rng: Generator) -> Any:
        """Every value from ``a`` or ``b``."""
        return self._of(uniform(self.genes(a), self.genes(b), rng))

    def _of(self, genes: Sequence[str]) -> Any:
        return self.genotype(tuple(genes))
