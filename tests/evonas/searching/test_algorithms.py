"""What sets each search algorithm apart, on values that a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas.core.options import options_in
from evonas.searching.algorithm import Algorithm, Birth
from evonas.searching.algorithms import algorithms
from evonas.searching.algorithms.guided import far_apart
from evonas.searching.objectives.fitness import Objective
from evonas.searching.surrogates.gaussian_process import euclidean
from evonas.store.individual import Individual
from spaces import UsageError, spaces
from tests.evonas.asking import ASKING

SPACE = spaces["nasbench201"]
SIZE = SPACE.default_size()
Value = Callable[[Any], float | None]


class Anything:
    """Every genotype may be born."""

    def admits(self, genotype: Any) -> bool:
        return True

    def random(self, rng: Any) -> Any:
        return SPACE.random(rng)

    def mutate(self, parent: Any, rng: Any) -> Any:
        return SPACE.mutate(parent, rng)


SMALLER: dict[str, dict[str, Any]] = {
    "ag-net": {"candidates": 30, "pretraining": 50, "pretraining_epochs": 2, "epochs": 8, "ascent": 5},
    "boosted": {"candidates": 40, "rounds": 10},
    "guided": {"candidates": 100},
    "bananas": {"candidates": 30},
}


def made(name: str, objectives: tuple[Objective, ...] = (Objective("value"),), **options: Any) -> Algorithm:
    kind = algorithms[name]
    values = {option.name: option.default for option in options_in(kind.Options)}
    sizes = {"population": 10, "children": 5, "tournament": 3}
    values |= {name: size for name, size in sizes.items() if name in values} | SMALLER.get(name, {}) | options
    return kind(SPACE, Anything(), objectives, kind.Options(**values), np.random.default_rng(0))


def search(algorithm: Algorithm, value: Value, generations: int) -> list[Individual]:
    found: list[Individual] = []
    for generation in range(generations):
        asked = algorithm.ask()
        born = [born_as(len(found) + i, generation, birth, value) for i, birth in enumerate(asked)]
        algorithm.tell(born)
        found += born
    return found


def born_as(number: int, generation: int, birth: Birth, value: Value) -> Individual:
    canonical, values = SPACE.canonical(birth.genotype), {"value": value(birth.genotype)}
    return Individual(number, generation, birth.parents, birth.genotype, canonical, values, 0, 0)


def threes(genotype: Any) -> float:
    """The number of 3x3 convolutions."""
    return float(genotype.operations.count("nor_conv_3x3"))


ARCHIVES = [name for name in ASKING if name not in ("regularized-evolution",)]


@pytest.mark.parametrize("name", ARCHIVES)
def test_no_network_is_asked_for_twice(name: str) -> None:
    found = search(made(name), threes, 12)
    assert len({individual.key for individual in found}) == len(found) >= 50


@pytest.mark.parametrize("name", [name for name in ARCHIVES if name != "random"])
def test_what_learns_finds_more_than_chance(name: str) -> None:
    found = search(made(name), threes, 12)
    later = np.mean([threes(individual.genotype) for individual in found[-20:]])
    assert later > np.mean([threes(SPACE.random(np.random.default_rng(i))) for i in range(200)]) + 0.8


@pytest.mark.parametrize("name", ASKING)
def test_individuals_without_a_value_stop_no_search(name: str) -> None:
    assert len(search(made(name), lambda genotype: None, 4)) >= 13
    assert len(search(made(name), lambda g: threes(g) if "none" in g.operations else None, 4)) >= 13


@pytest.mark.parametrize("name", [name for name in ARCHIVES if name != "random"])
def test_a_smaller_value_can_be_the_better_one(name: str) -> None:
    found = search(made(name, (Objective("value", maximise=False),)), lambda g: -threes(g), 12)
    same = search(made(name), threes, 12)
    assert [one.genotype for one in found] == [one.genotype for one in same]


def test_an_exhausted_space_ends_the_search() -> None:
    class Two(Anything):
        def random(self, rng: Any) -> Any:
            rng.random()
            return SPACE.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")

    algorithm = made("random")
    algorithm.admission = Two()
    assert len(algorithm.ask()) == 1
    algorithm.tell([born_as(0, 0, Birth(Two().random(algorithm.rng)), threes)])
    assert algorithm.ask() == []


def test_local_search_takes_the_first_neighbour_that_is_better_and_restarts_at_an_optimum() -> None:
    algorithm = made("local-search", children=1, population=2)
    found = search(algorithm, threes, 400)
    incumbent = max(found[:2], key=lambda one: threes(one.genotype))
    for one in found[2:]:
        if not one.parents:  # a restart: every neighbour of the incumbent was born
            neighbours = {str(SPACE.canonical(genotype)) for genotype in SPACE.neighbours(incumbent.genotype)}
            assert neighbours <= {other.key for other in found[: one.birth]}
            break
        assert one.parents == (incumbent.birth,)
        if threes(one.genotype) > threes(incumbent.genotype):
            incumbent = one
    else:
        pytest.fail("no restart")


def test_the_genes_of_eda_have_the_weighted_marginals_with_their_floor() -> None:
    algorithm: Any = made("eda", weight=0.01, floor=0.25)
    individuals = [born_as(i, 0, Birth(SPACE.random(np.random.default_rng(i))), threes) for i in range(6)]
    values = np.array([threes(one.genotype) for one in individuals])
    ranks = np.array([(values > value).sum() for value in values])
    weights = 1 / (0.01 * 6 + ranks)
    weights /= weights.sum()
    wanted = 0.25 / 5 + 0.75 * sum(
        w for w, one in zip(weights, individuals, strict=True) if one.genotype.operations[2] == "nor_conv_1x1"
    )
    cumulated = weights.cumsum()
    drawn = [algorithm._from(4, individuals, cumulated).operations[2] for _ in range(3000)]
    assert drawn.count("nor_conv_1x1") / 3000 == pytest.approx(wanted, abs=0.03)


def test_the_first_births_of_warmup_move_are_the_best_of_many_by_the_proxy() -> None:
    births = made("warmup-move", warmup=200, by="params").ask()
    sizes = [SPACE.params(birth.genotype, SIZE) for birth in births]
    others = [SPACE.params(birth.genotype, SIZE) for birth in made("random", population=200).ask()]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] >= np.quantile(others, 0.9)


@pytest.mark.parametrize(("by", "message"), [("croze", "by=croze needs images"), ("sice", "unknown proxy 'sice'")])
def test_warmup_move_refuses_a_proxy_before_a_run_is_written(by: str, message: str, tmp_path: Path) -> None:
    settings = evonas.SearchSettings(
        space="nasbench201", proxy="params", algorithm="warmup-move", options={"by": by}
    )
    with pytest.raises(UsageError, match=message):
        evonas.search(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_nsga2_keeps_the_front() -> None:
    algorithm = made("nsga2", (Objective("gain"), Objective("cost", maximise=False)), population=40, children=10)
    found: list[Individual] = []
    for _ in range(20):
        asked = algorithm.ask()
        born = [
            replace(born_as(len(found) + i, 0, birth, threes), values=pair(birth)) for i, birth in enumerate(asked)
        ]
        algorithm.tell(born)
        found += born
    points = {tuple(one.values.values()) for one in found}
    front = {(a, b) for a, b in points if not any(c >= a and d <= b and (c, d) != (a, b) for c, d in points)}
    alive = {tuple(found[birth].values.values()) for birth in algorithm.alive()}
    assert front <= alive and len(front) > 5


def pair(birth: Birth) -> dict[str, float | None]:
    ones = birth.genotype.operations.count("nor_conv_1x1")
    return {"gain": threes(birth.genotype) + 0.5 * ones, "cost": 9.0 * threes(birth.genotype) + ones}


def test_guided_begins_with_a_large_genotype_and_others_that_are_far_from_it_and_from_each_other() -> None:
    search = made("guided")
    first = [birth.genotype for birth in search.ask()]
    sizes = [SPACE.params(genotype, SIZE) for genotype in first]
    everything = [SPACE.random(np.random.default_rng(i)) for i in range(300)]
    assert sizes[0] > np.quantile([SPACE.params(genotype, SIZE) for genotype in everything], 0.95)
    assert sizes[0] == max(sizes) > np.median(sizes)
    points, others = (search.standard.paths_of(some) for some in (first, everything[: len(first)]))
    assert nearest(points) > 2 * nearest(others)


def nearest(points: np.ndarray) -> float:
    distances = euclidean(points, points)
    return float(distances[~np.eye(len(points), dtype=bool)].min())


def test_each_next_point_is_the_farthest_from_those_before_it() -> None:
    points = np.array([[0.0, 0], [1, 0], [10, 0], [0, 4], [5, 0]])
    assert far_apart(points, 0, 4) == [0, 2, 4, 3]
    assert sorted(far_apart(points, 1, 9)) == [0, 1, 2, 3, 4]
    assert far_apart(np.zeros((3, 2)), 2, 3) == [2, 0, 1]  # equal points are taken once each
