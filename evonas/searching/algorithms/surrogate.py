"""What algorithms share that choose births by a model of all individuals so far."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from evonas.searching.algorithm import Birth
from evonas.searching.algorithms.archive import Archive
from evonas.store.individual import Individual

MIN_SCORED = 2  # values that a model needs


class Surrogate(Archive):
    """Each generation is the ``children`` candidates that `rate` ranks best."""

    @abstractmethod
    def candidates(self, scored: list[Individual], values: np.ndarray) -> list[Birth]:
        """New genotypes among which the model chooses."""

    @abstractmethod
    def rate(self, codes: np.ndarray, values: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """How promising candidates (M, D) are, (M,), after individuals (N, D) with their values (N,)."""

    def births(self) -> list[Birth]:
        scored, values = self.scored()
        if len(scored) < MIN_SCORED:
            return self.random_births(self.options.children)
        candidates = self.candidates(scored, values)
        missing = self.options.children - len(candidates)
        if missing >= 0:
            return candidates + self.random_births(missing)
        codes = self.codes([one.genotype for one in scored])
        rating = self.rate(codes, values, self.codes([birth.genotype for birth in candidates]))
        chosen = np.argsort(-rating, kind="stable")[: self.options.children]
        return [candidates[index] for index in chosen.tolist()]

    def codes(self, genotypes: list[Any]) -> np.ndarray:
        """Their encodings, (N, D)."""
        return np.stack([self.space.encode(genotype) for genotype in genotypes])

    def mutants(self, count: int, parents: list[Individual], edits: int = 1) -> list[Birth]:
        """New genotypes, each up to ``edits`` edits away from one of the parents, which take turns."""
        found: list[Birth] = []
        failures = 0
        while len(found) < count and failures < 20 * count:
            parent = parents[len(found) % len(parents)]
            genotype = parent.genotype
            for _ in range(int(self.rng.integers(1, edits + 1))):
                genotype = self.admission.mutate(genotype, self.rng)
            if self.is_new(genotype):
                found.append(Birth(genotype, (parent.birth,)))
            else:
                failures += 1
        return found


def best_and_latest(values: np.ndarray, limit: int) -> np.ndarray:
    """The indices of all ``values`` (N,), or of the best and the latest ``limit`` / 2 of more."""
    if len(values) <= limit:
        return np.arange(len(values))
    best = np.argsort(-values, kind="stable")[: limit // 2]
    return np.union1d(best, np.arange(len(values) - limit // 2, len(values)))
