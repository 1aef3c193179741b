"""Random search: the baseline of every other algorithm.

Source: Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012; Li and Talwalkar, "Random
Search and Reproducibility for Neural Architecture Search", UAI 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

from evonas.searching.algorithm import Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.archive import Archive, ArchiveOptions


@dataclass(frozen=True)
class Options(ArchiveOptions):
    """The size of a generation, which makes no difference to what is drawn."""

    population: int = 10
    children: int = 10


@algorithms.register("random")
class Random(Archive):
    """Every birth is a random genotype whose network was not born before."""

    Options = Options
    several = True

    def births(self) -> list[Birth]:
        return self.random_births(self.options.children)
