"""What every registered algorithm promises, and that what breaks the promise is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evonas import SearchSettings
from evonas.searching.algorithm import Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.regularized_evolution import RegularizedEvolution
from evonas.searching.surrogates.mlp import Training
from evonas.store.individual import Individual
from evonas.store.state import State
from evonas.testing import algorithm as contract
from evonas.testing import check_algorithm
from evonas.testing.algorithm import SMALL, Trial
from tests.evonas.asking import ASKING

Holds = Callable[[Trial], None]


SMALLER = {  # options of algorithms that compare many genotypes
    "ag-net": {"candidates": 20, "pretraining": 20, "pretraining_epochs": 1, "epochs": 2, "ascent": 2},
    "bananas": {"candidates": 20},
    "boosted": {"candidates": 20, "rounds": 5},
    "gp": {"candidates": 20},
    "guided": {"candidates": 20, "parents": 1},
    "warmup-move": {"warmup": 20, "neighbours": 4},
}


SLOW = ("ag-net", "bananas")


def trial(name: str, folder: Path) -> Trial:
    return Trial(SearchSettings(**{**SMALL, "algorithm": name, "options": SMALLER.get(name, {})}), folder)


@pytest.fixture
def short_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks of BANANAS, whose state is that of any surrogate."""
    monkeypatch.setattr("evonas.searching.algorithms.bananas.Training", lambda: Training(networks=2, epochs=10))


@pytest.mark.usefixtures("short_trainings")
@pytest.mark.parametrize("holds", contract.PROPERTIES, ids=lambda holds: holds.__name__)
@pytest.mark.parametrize("name", ASKING)
def test_every_algorithm_keeps_its_contract(name: str, holds: Holds, tmp_path: Path) -> None:
    for number, settings in enumerate(contract.trials(trial(name, tmp_path).settings)):
        if holds is contract.crashed_after_any_birth_it_ends_the_same:
            if settings.joint and name in SLOW:
                continue  # the state of a joint search is that of any other
            settings = replace(settings, generations=2)  # from a state at the start, and from one that was loaded
        holds(Trial(settings, tmp_path / str(number)))


class Undocumented(RegularizedEvolution):
    __doc__ = ""


class Global(RegularizedEvolution):
    """Draws from the global generator."""

    def ask(self) -> list[Birth]:
        np.random.rand()
        return super().ask()


class Fixed(RegularizedEvolution):
    """Begins alike whatever the seed is."""

    def ask(self) -> list[Birth]:
        self.rng.bit_generator.state = np.random.default_rng(0).bit_generator.state
        return super().ask()


class Forgetful(RegularizedEvolution):
    """Counts its generations in memory only."""

    generations = 0

    def ask(self) -> list[Birth]:
        self.generations += 1
        return super().ask()[: 1 + self.generations % 3 if self.population else None]


class Lossy(RegularizedEvolution):
    """Does not load the state that it saves."""

    count = 0

    def state_dict(self) -> State:
        return {"count": self.count}

    def tell(self, born: Sequence[Individual]) -> None:
        self.count += 1
        super().tell(born)


class Unlimited(RegularizedEvolution):
    """Does not ask whether a genotype is admitted."""

    def ask(self) -> list[Birth]:
        largest = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
        return [Birth(self.space.parse(largest))] if self.population else super().ask()


class Childish(RegularizedEvolution):
    """Names parents that are not born yet."""

    def ask(self) -> list[Birth]:
        return [birth._replace(parents=(1000,)) for birth in super().ask()]


class Extinct(RegularizedEvolution):
    """Nobody is alive."""

    def alive(self) -> list[int]:
        return []


BROKEN: list[tuple[Holds, type[RegularizedEvolution], str]] = [
    (contract.it_describes_itself, Undocumented, "has no docstring"),
    (contract.the_population_is_of_those_born, Extinct, "no birth is alive after 6 births"),
    (contract.a_loaded_state_asks_the_same, Forgetful, "generation 1 after a load"),
    (contract.a_loaded_state_asks_the_same, Lossy, "not the state that was loaded"),
    (contract.a_search_depends_on_its_settings_alone, Global, "uses the global generator of numpy.random"),
    (contract.a_search_depends_on_its_settings_alone, Fixed, "ignores --seed"),
    (contract.crashed_after_any_birth_it_ends_the_same, Forgetful, "resumed after a crash at birth"),
    (contract.an_extended_search_is_a_longer_one, Forgetful, "extended by two generations"),
    (contract.births_come_from_earlier_ones_and_keep_the_limit, Unlimited, "parameters, more than"),
    (contract.births_come_from_earlier_ones_and_keep_the_limit, Childish, "the parents of birth 0 are"),
]


@pytest.fixture
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setitem(algorithms._entries, "broken", request.param)
    yield "broken"


@pytest.mark.parametrize(("holds", "broken", "text"), BROKEN, indirect=["broken"])
def test_an_algorithm_without_a_property_is_found(holds: Holds, broken: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=text):
        holds(trial(broken, tmp_path))


@pytest.mark.parametrize("broken", [Global], indirect=True)
def test_the_whole_contract_finds_it_too(broken: str) -> None:
    with pytest.raises(AssertionError, match="global generator"):
        check_algorithm(broken, population=4, generations=1)
