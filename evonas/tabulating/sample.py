"""The genotypes of a table: random ones, spread over size if asked, and the best ones of runs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evonas.searching.admission import Limits
from evonas.searching.task import task_of
from evonas.store.run import Run
from evonas.store.settings import SearchSettings
from evonas.tabulating.settings import TabulateSettings
from fitness import stable_hash
from spaces import Space, spaces
from spaces.errors import UsageError

POOL = 4096  # random genotypes from which a stratified sample is chosen
TAIL = 100  # the pool without the smallest and the largest hundredth is the range of a stratified sample
MAX_REPEATS = 10_000  # genotypes in a row that were drawn before


def sample(settings: TabulateSettings, resolved: SearchSettings) -> list[Any]:
    """Genotypes in canonical form, no two of which are the same network: random ones, then those of runs.

    ``resolved`` are the settings of a search. A larger sample begins with the smaller one. Raises `UsageError` if
    there are not enough.
    """
    space = spaces[settings.space]
    limits, wanted = Limits(space, resolved), settings.sample
    random = _random(space, limits, settings.seed)
    if settings.stratify is None:
        chosen = [genotype for genotype, _ in zip(random, range(wanted), strict=False)]
    else:
        pool = [genotype for genotype, _ in zip(random, range(POOL), strict=False)]
        size = task_of(resolved, None).size
        sizes = [space.params(genotype, size) for genotype in pool]
        chosen = spread(pool, sizes, wanted)
    if len(chosen) < wanted:
        most = f"only {len(chosen)} different genotypes to draw"
        raise UsageError(f"there are {most}; add --sample {len(chosen)}, or raise --max-params")
    known = {space.key(genotype) for genotype in chosen}
    for genotype in (genotype for run in settings.runs for genotype in _best(run, settings)):
        if (key := space.key(genotype)) not in known:
            known.add(key)
            chosen.append(genotype)
    return chosen


def spread(pool: Sequence[Any], sizes: Sequence[int], count: int) -> list[Any]:
    """``count`` of ``pool``, evenly over ``sizes``, each the nearest one left to the next point of a sequence.

    The points fill the range of sizes by halves, quarters, ... (van der Corput 1935), so that the first ones of a
    larger sample are the smaller sample.
    """
    left = sorted(range(len(pool)), key=lambda i: (sizes[i], i))
    if not left:
        return []
    rare = len(left) // TAIL  # beyond the ends of the range, where there are too few for an even spread
    low, high = sizes[left[rare]], sizes[left[-1 - rare]]
    chosen = []
    for number in range(1, min(count, len(pool)) + 1):
        size = low + _van_der_corput(number) * (high - low)
        at = bisect_left(left, size, key=lambda i: sizes[i])
        near = [place for place in (at - 1, at) if 0 <= place < len(left)]
        chosen.append(pool[left.pop(min(near, key=lambda place: abs(sizes[left[place]] - size)))])
    return chosen


def _van_der_corput(number: int) -> float:
    """The binary digits of ``number`` mirrored at the point: 1/2, 1/4, 3/4, 1/8, ..."""
    return int(f"{number:b}"[::-1], 2) / (1 << number.bit_length())


def _random(space: Space, limits: Limits, seed: int) -> Iterator[Any]:
    """Different random genotypes within the limits; ends when no more are found."""
    rng = np.random.default_rng(stable_hash("tabulate", seed))
    known: set[str] = set()
    repeats = 0
    while repeats < MAX_REPEATS:
        genotype = space.canonical(limits.random(rng))
        key = space.key(genotype)
        repeats += 1
        if key not in known:
            known.add(key)
            repeats = 0
            yield genotype


def _best(run: str, settings: TabulateSettings) -> list[Any]:
    with Run.read(Path(run)) as store:
        searched = store.settings.space
        if searched != settings.space:
            raise UsageError(f"{run} searched {searched}; add --space {searched}, or leave out --from {run}")
        found = [individual.canonical for individual in store.leading(settings.best)]
    if not found:
        raise UsageError(f"{run} has no scored genotype")
    return found
