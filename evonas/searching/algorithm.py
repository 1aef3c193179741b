"""The interface of a search algorithm: it asks for births and is told their values; the loop scores and stores.

Everything that its next question depends on, except the random generator, is its state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from evonas.searching.objectives.fitness import Objective
from evonas.store.individual import Individual
from evonas.store.settings import SearchSettings
from evonas.store.state import State

if TYPE_CHECKING:
    from numpy.random import Generator

    from evonas.searching.supplies import Supplies
    from spaces import Space


class Birth(NamedTuple):
    """A genotype about to be born, and the births of its parents."""

    genotype: Any
    parents: tuple[int, ...] = ()


class Admission(Protocol):
    """Genotypes that satisfy the constraints of the search."""

    def admits(self, genotype: Any) -> bool:
        """Whether ``genotype`` may be born."""

    def random(self, rng: Generator) -> Any:
        """A random genotype that may be born."""

    def mutate(self, parent: Any, rng: Generator) -> Any:
        """A neighbour of ``parent`` that may be born."""


class History(Protocol):
    """The individuals of a search in order of birth."""

    def __iter__(self) -> Iterator[Individual]:
        """All of them."""

    def of(self, births: Iterable[int]) -> list[Individual]:
        """Those with these births."""


@dataclass(frozen=True)
class PopulationOptions:
    """The size of the first population."""

    population: int


class Algorithm(ABC):
    """Asks for births and is told their values.

    ``Options`` is a frozen dataclass. Fields with the name of a setting of the search take its value; the others
    are set by ``--option NAME=VALUE`` and have the types int, float, bool, str or a choice of texts, or None (see
    `evonas.core.options`). ``one_edit`` says that every child is one edit of its only parent, which was alive in
    the generation before; `evonas verify` checks it. ``several`` says that it takes several objectives, ``judged``
    that it ranks individuals by `evonas.searching.algorithms.archive.Archive.judge`. ``needs_images`` says that it
    learns from training images: ``supplies`` are set before it is asked. ``bulky`` says that the arrays of its
    state are large: those of the last two generations are kept, in files (see `evonas.searching.memory`).
    ``latest`` says that the result of a search is its latest birth that has a value, not the best one.
    """

    Options: ClassVar[type] = PopulationOptions
    one_edit: ClassVar[bool] = False
    several: ClassVar[bool] = False
    judged: ClassVar[bool] = False
    needs_images: ClassVar[bool] = False
    bulky: ClassVar[bool] = False
    latest: ClassVar[bool] = False
    supplies: Supplies

    def __init__(
        self,
        space: Space,
        admission: Admission,
        objectives: Sequence[Objective],
        options: Any,
        rng: Generator,
    ) -> None:
        self.space, self.admission, self.objectives = space, admission, tuple(objectives)
        self.options, self.rng = options, rng

    @classmethod
    def check(cls, settings: SearchSettings) -> Sequence[str]:
        """Warnings before a search starts. Raises `UsageError` for resolved ``settings`` that do not fit."""
        return ()

    @abstractmethod
    def ask(self) -> list[Birth]:
        """The births of the next generation; none ends the search."""

    @abstractmethod
    def tell(self, born: Sequence[Individual]) -> None:
        """The individuals that were asked for, with their values, in order of birth."""

    @abstractmethod
    def alive(self) -> Sequence[int]:
        """The births of the population in order, for views, reports and `evonas verify`."""

    def gains(self, individual: Individual) -> tuple[float, ...] | None:
        """What the result of the search is chosen by, larger is better; None for an individual without a value."""
        found = individual.gains(self.objectives)
        return (float(individual.birth),) if self.latest and found is not None else found

    def state_dict(self) -> State:
        """All that the next `ask` depends on except the random generator and the population: arrays and JSON."""
        return {}

    @abstractmethod
    def load_state_dict(self, state: State, alive: Sequence[int], history: History) -> None:
        """Continue from a `state_dict`, the births of the population then, and all individuals until then."""
