"""Evolution that a cheap proxy starts and steers: warm-up and move proposals.

Source: Abdelfattah, Mehrotra, Dudziak, Lane, "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, sections 4.1 and
4.2, on aging evolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evonas.core.options import bounded
from evonas.searching.algorithm import Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import Archive, ArchiveOptions
from fitness import Task, proxies
from spaces.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Options(ArchiveOptions):
    """``warmup`` random genotypes are ranked ``by`` a proxy, as are ``neighbours`` of a parent.

    With probability ``explore`` a child is a random neighbour.
    """

    population: int = 64
    children: int = 10
    tournament: int
    warmup: int = bounded(3000, 1, 1_000_000)
    by: str = "params"
    neighbours: int = bounded(24, 1, 10_000)
    explore: float = bounded(0.25, 0, 1)

    def __post_init__(self) -> None:
        if proxies[self.by].needs_images:
            names = ", ".join(name for name in proxies if not proxies[name].needs_images)
            raise UsageError(f"--option by={self.by} needs images; choose from {names}")


@algorithms.register("warmup-move")
class WarmupMove(Archive):
    """Begins with the best of many random genotypes by a proxy; a child is the best neighbour of its parent by it.

    The parent wins a tournament among the latest ``population`` individuals. The proxy needs no images; it is
    computed at the default size of the space.
    """

    Options = Options

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.proxy = proxies[self.options.by]
        self.task = Task(self.space, self.space.default_size())

    def first(self) -> list[Birth]:
        drawn = self.draw(max(self.options.warmup, self.options.population), self._random)
        return [Birth(genotype) for genotype in sorted(drawn, key=self._rank)[: self.options.population]]

    def births(self) -> list[Birth]:
        found = []
        living = self.known[-self.options.population :]
        for _ in range(self.options.children):
            size = min(self.options.tournament, len(living))
            drawn = [living[i] for i in self.rng.choice(len(living), size=size, replace=False).tolist()]
            parent = min(drawn, key=self._order)
            count = 1 if self.rng.random() < self.options.explore else self.options.neighbours
            moves = [self.admission.mutate(parent.genotype, self.rng) for _ in range(count)]
            for genotype in sorted(moves, key=self._rank):
                if self.is_new(genotype):
                    found.append(Birth(genotype, (parent.birth,)))
                    break
            else:
                found += self.random_births(1)
        return found

    def alive(self) -> list[int]:
        return [individual.birth for individual in self.known[-self.options.population :]]

    def _random(self) -> Any:
        return self.admission.random(self.rng)

    def _rank(self, genotype: Any) -> float:
        value = self.proxy.score(genotype, self.task).value
        return float("inf") if value is None else -value
