"""Several objectives for an algorithm of one, which maximises minus the sum of the ranks among all so far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import SearchSettings, UsageError
from evonas.reporting.plain import heading
from evonas.reporting.reproduce import search_command
from evonas.searching.ranks import Joint
from evonas.store.individual import Individual
from evonas.store.objective import Objective
from evonas.store.run import Run

SMALL: dict[str, Any] = {
    "space": "nasbench201", "algorithm": "local-search", "channels": 4, "layers": 1, "population": 8,
    "children": 4, "generations": 12, "seed": 1, "device": "cpu",
}  # fmt: skip


def settings(objectives: str | None = "params,-flops", joint: bool = True, **changes: Any) -> SearchSettings:
    return SearchSettings(**{**SMALL, "objectives": objectives, "joint": joint, **changes})


def births(run: Path) -> list[str]:
    with Run.read(run) as store:
        return [str(one.genotype) for one in store.individuals()]


def test_the_worth_is_minus_the_sum_of_the_ranks_among_all_so_far() -> None:
    joint = Joint([Objective("a"), Objective("b", maximise=False)])
    values = [(5.0, 1.0), (7.0, 2.0), (7.0, 9.0), (None, 0.0), (1.0, 1.0)]
    known = [Individual(i, 0, (), None, None, {"a": a, "b": b}, 0, 0) for i, (a, b) in enumerate(values)]
    assert joint(known) == [-(3 + 1), -(1 + 3), -(1 + 4), None, -(4 + 1)]  # equal numbers share the better rank
    assert joint(known[:2]) == [-(2 + 1), -(1 + 2)]
    assert joint(known[3:4]) == [None] and joint([]) == []


@pytest.mark.parametrize("algorithm", ["local-search", "eda"])
def test_objectives_of_one_order_are_searched_as_either_and_others_are_not(algorithm: str, tmp_path: Path) -> None:
    """Both algorithms depend on the order of the values alone."""
    evonas.search(settings(None, False, proxy="params", algorithm=algorithm), tmp_path / "one")
    evonas.search(settings("params,params*2", algorithm=algorithm), tmp_path / "alike")
    result = evonas.search(settings("params,-flops", algorithm=algorithm), tmp_path / "apart")
    assert births(tmp_path / "one") == births(tmp_path / "alike") != births(tmp_path / "apart")
    assert len(result.front) > 1 and result.best == result.front[0]


def test_a_joint_search_is_resumed_verified_and_repeated(tmp_path: Path) -> None:
    run = tmp_path / "run"
    evonas.search(settings(generations=5), run)
    evonas.resume(run, generations=12, joint=True)
    evonas.search(settings(), tmp_path / "longer")
    assert births(run) == births(tmp_path / "longer") and evonas.verify(run, 2).passed
    stored = evonas.summarise(run).settings
    assert isinstance(stored, SearchSettings) and "params,-flops by joint ranks on" in heading(stored)
    assert "--objectives params,-flops --joint --algorithm" in search_command(stored, None, "again")
    evonas.search(settings(joint=False, algorithm="nsga2", generations=1), tmp_path / "front")
    with pytest.raises(UsageError, match="this run was started with no --joint; a run keeps its settings"):
        evonas.resume(tmp_path / "front", joint=True)
    with pytest.raises(UsageError, match="this run was started with --joint; a run keeps its settings"):
        evonas.resume(run, joint=False)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"joint": False},
            "local-search has one objective; add --algorithm nsga2 to optimise several, or add --joint",
        ),
        (
            {"joint": False, "algorithm": "regularized-evolution"},
            "or use --joint with an algorithm such as local-",
        ),
        (
            {"algorithm": "regularized-evolution"},
            "the algorithm regularized-evolution cannot follow --joint, as it",
        ),
        (
            {"algorithm": "nsga2"},
            "the algorithm nsga2 optimises several objectives itself; omit --joint",
        ),
        ({"objectives": None}, "--joint ranks by several objectives; add --objectives A,B"),
    ],
)
def test_a_joint_search_that_cannot_be_is_one_message(wrong: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        evonas.search(settings(**wrong), tmp_path / "run")
    assert message in str(caught.value) and "\n" not in str(caught.value) and not (tmp_path / "run").exists()
