"""Scores lists of genotypes, one by one or batched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from fitness.base import Populations, Score, Task
from fitness.population.shared import SharedPasses
from fitness.registered import proxies


def score_all(genotypes: Iterable[Any], names: Sequence[str], task: Task) -> Iterator[dict[str, Score]]:
    """The scores of each genotype by proxy name, in the order of ``genotypes``.

    The proxies of one genotype are computed next to each other, so that those of the same passes share them.
    With ``task.populations`` so many genotypes share passes where `fitness.population` has them; every network
    comes to the same score whatever its neighbours are.
    Raises `UsageError` for an unknown name, before anything is computed.
    """
    for name in names:
        _ = proxies[name]
    if task.populations is None:
        for genotype in genotypes:
            yield {name: proxies[name].score(genotype, task) for name in names}
    else:
        yield from _together(iter(genotypes), names, task, task.populations)


def _together(
    genotypes: Iterator[Any], names: Sequence[str], task: Task, populations: Populations
) -> Iterator[dict[str, Score]]:
    shared = SharedPasses(names, task, populations)
    while taken := list(islice(genotypes, populations.networks)):
        canonical = [task.space.canonical(genotype) for genotype in taken]
        found = shared.run(canonical)
        for i, genotype in enumerate(canonical):
            seconds = found.keep(i)
            scores = {name: proxies[name].score(genotype, task) for name in names}
            yield {name: s._replace(seconds=s.seconds + seconds.get(name, 0.0)) for name, s in scores.items()}
