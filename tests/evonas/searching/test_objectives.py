"""A value of which less is better: searching by -x is searching by the composite x*-1, and views rank by it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import evonas
from evonas import SearchSettings, UsageError
from evonas.core.events import Event
from evonas.core.quantities import number
from evonas.reporting.live import LiveView
from evonas.reporting.summary import summarise
from evonas.store.ancestry import Births, births
from evonas.store.objective import Objective, facts_of, objectives_in
from evonas.store.run import Run
from spaces import EvonasError

SMALL: dict[str, Any] = {"space": "nasbench201", "population": 8, "generations": 4, "channels": 4, "layers": 1}


def search(proxy: str, run: Path) -> Path:
    evonas.search(SearchSettings(proxy=proxy, **SMALL), run)
    return run


@pytest.fixture(scope="module")
def minimised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return search("-params", tmp_path_factory.mktemp("minimised") / "run")


def test_a_minimised_search_is_that_of_the_negated_value(minimised: Path, tmp_path: Path) -> None:
    with Run.read(minimised) as store, Run.read(search("params*-1", tmp_path / "run")) as other:
        rows, others = list(store.individuals()), list(other.individuals())
        assert [row.genotype for row in rows] == [row.genotype for row in others]
        assert [row.birth for row in store.leading(5)] == [row.birth for row in other.leading(5)]
        assert store.best() == min(rows, key=lambda row: (row.score, row.birth))
        assert {row.score for row in rows} == {float(row.params) for row in rows}
        for row in store.generations():
            alive = [
                one.score for one in store.individuals_of(store.alive(row.generation)) if one.score is not None
            ]
            assert row.best == min(alive) and row.mean == np.mean(alive)
            assert row.best_so_far == min(one.params for one in rows if one.generation <= row.generation)


def test_the_best_of_a_minimised_search_is_the_smallest_everywhere(minimised: Path) -> None:
    with Run.read(minimised) as store:
        smallest = min(row.params for row in store.individuals())
        known = births(store)
    assert json.loads((minimised / "best.json").read_text())["score"] == smallest
    assert summarise(minimised).best.score == smallest  # type: ignore[union-attr]
    assert [known.score[i] for i in known.front()] == [smallest]  # params against params
    assert known.best_so_far()[-1] == smallest
    (row,) = evonas.score(summarise(minimised).best.genotype, run=minimised)  # type: ignore[union-attr]
    assert row.scores == {"-params": smallest}


def test_a_minimised_search_is_resumed_and_verified(minimised: Path, tmp_path: Path) -> None:
    class Crash(Exception):
        pass

    def crash(event: Event) -> None:
        if event.name == "evaluated" and event.progress.births == 13:  # type: ignore[attr-defined]
            raise Crash

    with pytest.raises(Crash):
        evonas.search(SearchSettings(proxy="-params", **SMALL), tmp_path / "run", crash)
    evonas.resume(tmp_path / "run", proxy="-params")
    with Run.read(minimised) as store, Run.read(tmp_path / "run") as other:
        assert list(store.individuals()) == list(other.individuals())
        assert [row[:8] for row in store.generations()] == [row[:8] for row in other.generations()]
    assert evonas.verify(tmp_path / "run").passed
    with pytest.raises(UsageError, match="started with --proxy -params"):
        evonas.resume(tmp_path / "run", proxy="params")


def test_the_objective_is_sealed_with_the_run(tmp_path: Path) -> None:
    search("-params", tmp_path / "run")
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        db.execute("UPDATE meta SET value = ? WHERE key = 'objectives'", ('[["params", true]]',))
    with pytest.raises(EvonasError, match="generation 0 has changed"):
        evonas.resume(tmp_path / "run", generations=5)


def test_to_maximise_the_proxy_is_not_a_fact_of_the_run() -> None:
    assert facts_of([Objective("croze")], "croze") == {}
    several = (Objective("croze"), Objective("params", False))
    assert objectives_in(facts_of(several, "croze")["objectives"], "croze") == several


@pytest.mark.parametrize("fact", ["[]", "{}", "3", '[["a"], 2]', '[["a", 1]]', '[["a", true, 3]]', "["])
def test_damaged_objectives_are_one_message(fact: str) -> None:
    with pytest.raises(EvonasError, match="the objectives of the search cannot be read"):
        objectives_in(fact, "croze")


def test_a_composite_is_not_minimised() -> None:
    with pytest.raises(UsageError, match="give its proxies negative weights instead of '-croze"):
        evonas.search(SearchSettings(proxy="-croze+params"))


@pytest.mark.parametrize(
    ("maximise", "front", "best"), [(True, [1, 0, 3], [2, 2, 2, 7]), (False, [1], [2, 1, 1, 1])]
)
def test_the_front_of_score_and_params(maximise: bool, front: list[int], best: list[float]) -> None:
    score = np.array([2.0, 1.0, np.nan, 7.0])
    params, zeros = np.array([2, 1, 1, 3]), np.zeros(4, np.int64)
    known = Births(zeros, zeros - 1, zeros.astype(bool), params, params, score, maximise)
    assert known.front().tolist() == front
    assert known.best_so_far().tolist() == best


def test_the_live_view_ranks_the_smallest_first(minimised: Path) -> None:
    events: list[Event] = []
    evonas.resume(minimised, events.append, generations=5)
    view = LiveView(Console(width=80, height=40, force_terminal=False))
    for event in events:
        view(event)
    with Run.read(minimised) as store:
        scores = sorted(row.params for row in store.individuals_of(store.alive(5)))
    assert list(view._population(80, 8).columns[1].cells) == [number(score) for score in scores]
