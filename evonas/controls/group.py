"""Random genotypes of the size of a winner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fitness import stable_hash
from spaces import NetworkSize, Space
from spaces.errors import UsageError

DIRECTORY, JOURNAL = "controls", "trainings.db"  # the finished trainings of the group of a run
SHARE = 0.1  # of the parameters of the winner, by which a control may differ
MAX_DRAWS = 20_000  # random genotypes that are looked at first
STEPS = 200  # mutations between two genotypes of the walk
MAX_REPEATS = 50  # genotypes of the walk in a row that are known


def draw(space: Space, winner: Any, size: NetworkSize, count: int, seed: int) -> list[Any]:
    """``count`` different genotypes in canonical form within 10 % of the parameters of ``winner``, without it.

    They are those among `MAX_DRAWS` random genotypes, in the order in which they are drawn. Where these have too
    few, as for the largest networks of a space, others follow from a random walk of mutations that starts at the
    winner and never leaves the range of sizes, a genotype every `STEPS` mutations. A larger group begins with the
    smaller one. Raises `UsageError` if the space does not have as many.
    """
    wanted = space.params(winner, size)
    found: dict[str, Any] = {}
    avoided = space.key(winner)

    def fits(genotype: Any) -> bool:
        return abs(space.params(genotype, size) - wanted) <= SHARE * wanted

    def take(genotype: Any) -> bool:
        key = space.key(genotype)
        if key == avoided or key in found:
            return False
        found[key] = space.canonical(genotype)
        return True

    rng = np.random.default_rng(stable_hash("controls", seed))
    for _ in range(MAX_DRAWS):
        if len(found) == count:
            break
        genotype = space.random(rng)
        if fits(genotype):
            take(genotype)
    repeats = 0
    if len(found) < count:
        for genotype in _walk(space, winner, fits, np.random.default_rng(stable_hash("controls", "walk", seed))):
            repeats = 0 if take(genotype) else repeats + 1
            if len(found) == count or repeats == MAX_REPEATS:
                break
    if len(found) < count:
        raise UsageError(
            f"{space.name} has only {len(found)} other genotypes within 10 % of the {wanted:,} parameters of the "
            f"winner that can be found; use --controls {len(found)}"
        )
    return list(found.values())


def _walk(space: Space, start: Any, fits: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Every `STEPS`-th state of a walk that stays where it is if a mutation does not fit."""
    genotype = start
    while True:
        for _ in range(STEPS):
            other = space.mutate(genotype, rng)
            genotype = other if fits(other) else genotype
        yield genotype
