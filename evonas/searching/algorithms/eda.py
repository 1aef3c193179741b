"""Estimation of distribution: every gene is drawn from its weighted frequency among all individuals so far.

Source: Mühlenbein and Paass, "From Recombination of Genes to the Estimation of Distributions", PPSN 1996 (UMDA),
with the rank weights of Tripp et al. 2020 in place of truncation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evonas.core.options import bounded
from evonas.searching.algorithm import Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import MAX_DRAWS, Archive, ArchiveOptions, rank_weights
from evonas.store.individual import Individual


@dataclass(frozen=True)
class Options(ArchiveOptions):
    """``weight`` is k of the rank weights 1 / (k N + rank); ``floor`` is the share of a uniform distribution."""

    population: int = 16
    children: int = 16
    weight: float = bounded(0.01, 1e-6, 1e6)
    floor: float = bounded(0.1, 0, 1)
    depth: int = bounded(4, 0, 10)


@algorithms.register("eda")
class Eda(Archive):
    """Draws genotypes from the product of the weighted marginals of their genes, mixed with a uniform floor.

    A genotype is recombined, gene by gene, from ``2 ** depth`` parents, each of which is an individual drawn by
    its rank weight, or with probability ``floor`` a random genotype. The marginals are therefore exactly
    ``(1 - floor) * weighted + floor * uniform``; two genes have a parent in common with probability
    ``2 ** -depth``.
    """

    Options = Options

    def births(self) -> list[Birth]:
        (scored, values), count = self.scored(), self.options.children
        return self.drawn(scored, values, count) if scored else self.random_births(count)

    def drawn(self, scored: list[Individual], values: np.ndarray, count: int) -> list[Birth]:
        """New genotypes from the distribution of ``scored`` with ``values`` (N,)."""
        weights = rank_weights(values, self.options.weight).cumsum()

        def propose() -> Any:
            for _ in range(MAX_DRAWS):
                genotype = self._from(self.options.depth, scored, weights)
                if self.admission.admits(genotype):
                    return genotype
            return self.admission.random(self.rng)

        return [Birth(genotype) for genotype in self.draw(count, propose)]

    def _from(self, depth: int, scored: list[Individual], weights: np.ndarray) -> Any:
        if depth:
            first, second = (self._from(depth - 1, scored, weights) for _ in range(2))
            return self.space.recombine(first, second, self.rng)
        if self.rng.random() < self.options.floor:
            return self.space.random(self.rng)
        return scored[min(int(weights.searchsorted(self.rng.random(), side="right")), len(scored) - 1)].genotype
