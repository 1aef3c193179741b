"""The interface of a search algorithm: it selects births and survivors; the loop scores and stores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from evonas.store.settings import SearchSettings

if TYPE_CHECKING:  # listing the algorithms must not import DEAP
    from deap import base

    from evonas.searching.individual import Individual


class Birth(NamedTuple):
    """A genotype about to be born, and the birth number of its parent."""

    genotype: Any
    parent: int | None


class Algorithm(ABC):
    """Uses a DEAP toolbox with ``random``, ``mutate`` and ``select``, all on the generator of the search."""

    def __init__(self, toolbox: base.Toolbox, settings: SearchSettings) -> None:
        self.toolbox = toolbox
        self.settings = settings

    def first_population(self) -> list[Birth]:
        """Generation 0."""
        return [Birth(self.toolbox.random(), None) for _ in range(self.settings.population)]

    @abstractmethod
    def children(self, population: Sequence[Individual]) -> list[Birth]:
        """The births of the next generation, from the present population."""

    @abstractmethod
    def survivors(self, population: Sequence[Individual], children: Sequence[Individual]) -> list[Individual]:
        """The next population. It must be the last ``population`` births, because a resume restores these."""
