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
    comes to the same score whatever its neighbours are. On a GPU the genotypes of one more pass are taken from
    ``genotypes`` before the scores of the present one are there, because their weights are drawn meanwhile.
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
    def next_ones() -> list[Any]:
        return [task.space.canonical(genotype) for genotype in islice(genotypes, populations.networks)]

    shared = SharedPasses(names, task, populations)
    try:
        taken = next_ones()
        while taken:
            following = next_ones() if task.draws_ahead else []
            found = shared.run(taken, following)
            for i, genotype in enumerate(taken):
                seconds = found.keep(i)
                scores = {name: proxies[name].score(genotype, task) for name in names}
                yield {name: s._replace(seconds=s.seconds + seconds.get(name, 0.0)) for name, s in scores.items()}
            taken = following or next_ones()
    finally:
        shared.close()
