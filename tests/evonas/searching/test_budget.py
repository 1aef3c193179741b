"""The budget of a search: a number of different networks."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import evonas
from evonas import SearchSettings, UsageError
from evonas.core.events import Event, Message
from evonas.reporting.overview import Overview
from evonas.reporting.plain import PlainLines, heading
from evonas.searching import budget
from evonas.searching.algorithms import algorithms
from evonas.searching.events import Evaluated
from evonas.searching.resolve import resolve, sizes_in_words
from evonas.searching.result import SearchResult
from evonas.store.length import length
from evonas.store.run import Run
from evonas.testing.algorithm import Crash, Trial
from tests.evonas.asking import ASKING

SMALL: dict[str, Any] = {"space": "nasbench201", "proxy": "params", "channels": 4, "layers": 1, "population": 6}
SIZES = {
    "ag-net": (16, 16), "bananas": (10, 10), "boosted": (16, 16), "eda": (16, 16), "gp": (10, 10),
    "guided": (10, 3), "local-search": (10, 1), "nsga2": (50, 50), "random": (10, 10),
    "regularized-evolution": (100, 50), "warmup-move": (64, 10),
}  # fmt: skip


def settings(**changes: Any) -> SearchSettings:
    return SearchSettings(**{**SMALL, **changes})


def content(run: Path) -> dict[str, list[Any]]:
    return Trial.content(run)


@pytest.mark.parametrize("name", ASKING)
def test_sizes_are_those_of_the_algorithm_unless_they_are_given(name: str) -> None:
    population, children = SIZES[name]
    found = resolve(SearchSettings(algorithm=name))
    assert (found.population, found.children) == (population, children)
    assert (found.generations, found.evaluations) == (50, None)
    given = resolve(SearchSettings(algorithm=name, population=4, children=3))
    assert (given.population, given.children) == (4, 3)
    assert resolve(SearchSettings.from_options("quick", algorithm=name)).population == 12
    assert resolve(SearchSettings(algorithm=name, evaluations=3)).population == 3
    assert f"population {population}" in sizes_in_words(algorithms[name])


def test_sizes_in_words_are_those_that_the_algorithm_uses() -> None:
    of = {name: sizes_in_words(algorithms[name]) for name in ("regularized-evolution", "warmup-move", "gp")}
    assert of["regularized-evolution"] == "population 100, tournament 25, children 50"
    assert of["warmup-move"] == "population 64, tournament 16, children 10"
    assert of["gp"] == "population 10, children 10"


@pytest.mark.parametrize("name", ASKING)
def test_only_an_algorithm_with_a_tournament_has_its_size(name: str) -> None:
    has = name in ("regularized-evolution", "warmup-move")
    found = resolve(SearchSettings(algorithm=name))
    assert (found.tournament is not None) == has == (", tournament " in heading(found))
    assert resolve(found) == found
    asked = SearchSettings(algorithm=name, tournament=3)
    if has:
        assert resolve(asked).tournament == 3
    else:
        with pytest.raises(UsageError, match=f"the algorithm {name} has no tournament; omit --tournament"):
            resolve(asked)


def test_a_budget_replaces_generations_unless_both_are_given() -> None:
    assert resolve(settings(evaluations=30)).generations is None
    assert length(resolve(settings(evaluations=30, generations=4))) == "4 generations, 30 evaluations"
    assert length(resolve(SearchSettings.from_options("quick", evaluations=30))) == "30 evaluations"
    assert resolve(SearchSettings.from_options("quick", evaluations=30, generations=3)).generations == 3
    stored, before = (json.loads(one.to_json()).keys() for one in (resolve(settings()), settings()))
    assert stored == before - {"stem"}  # decided by the size of the images, and left out for small ones
    assert "evaluations" not in json.loads(resolve(settings()).to_json())


@pytest.mark.parametrize("algorithm", ["regularized-evolution", "local-search", "nsga2"])
def test_the_last_generation_is_cut_so_that_exactly_so_many_networks_are_scored(
    algorithm: str, tmp_path: Path
) -> None:
    result = evonas.search(settings(algorithm=algorithm, evaluations=17, children=5), tmp_path / "run")
    assert result.evaluations == 17
    with Run.read(tmp_path / "run") as store:
        assert store.evaluated() == 17 == sum(not one.cached for one in store.individuals())
    summary = evonas.summarise(tmp_path / "run")
    assert summary.stage == "searched"
    console = Console(file=io.StringIO(), width=200)
    console.print(Overview(summary))  # type: ignore[arg-type]
    assert ", 17 of 17 evaluations, " in console.file.getvalue()  # type: ignore[attr-defined]
    assert evonas.verify(tmp_path / "run", 3).passed


@pytest.mark.parametrize("algorithm", ["regularized-evolution", "gp"])
def test_a_raised_budget_gives_the_longer_search(algorithm: str, tmp_path: Path) -> None:
    """The cut generation is repeated, from the values that are known."""
    few = settings(algorithm=algorithm, children=6, seed=2)
    longer = evonas.search(SearchSettings(**{**vars(few), "evaluations": 26}), tmp_path / "longer")
    evonas.search(SearchSettings(**{**vars(few), "evaluations": 15}), tmp_path / "run")
    result = evonas.resume(tmp_path / "run", evaluations=26)
    assert isinstance(result, SearchResult)
    assert content(tmp_path / "run") == content(tmp_path / "longer")
    assert json.loads((tmp_path / "run/best.json").read_text()) == json.loads(
        (tmp_path / "longer/best.json").read_text()
    )
    assert (result.evaluations, result.best) == (longer.evaluations, longer.best)


def test_crashed_after_any_birth_a_search_with_a_budget_ends_the_same(tmp_path: Path) -> None:
    trial = Trial(settings(evaluations=14, children=4), tmp_path)
    whole = trial.run("whole")
    for birth in range(1, len(Trial.births(whole)) + 1):
        run = trial.run(f"crashed {birth}", crash_after=birth)
        evonas.resume(run)
        assert content(run) == content(whole)


def test_a_crash_while_a_raised_budget_is_spent_changes_nothing(tmp_path: Path) -> None:
    evonas.search(settings(evaluations=20, children=5), tmp_path / "whole")
    evonas.search(settings(evaluations=13, children=5), tmp_path / "run")

    def crash(event: Event) -> None:
        if isinstance(event, Evaluated):
            raise Crash

    with pytest.raises(Crash):
        evonas.resume(tmp_path / "run", crash, evaluations=20)
    evonas.resume(tmp_path / "run")
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_run_by_generations_may_get_a_budget(tmp_path: Path) -> None:
    evonas.search(settings(generations=1, children=4), tmp_path / "run")
    assert evonas.resume(tmp_path / "run", evaluations=15).evaluations == 15
    assert evonas.summarise(tmp_path / "run").settings.generations is None
    with pytest.raises(
        UsageError, match="already has 15 evaluations; --evaluations is a total and cannot be less"
    ):
        evonas.resume(tmp_path / "run", evaluations=14)
    with pytest.raises(UsageError, match=r"already has \d+ generations; --generations is a total"):
        evonas.resume(tmp_path / "run", generations=1)


def test_a_population_beyond_the_budget_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--evaluations 5 is less than --population 6; add --population 5"):
        evonas.search(settings(evaluations=5), tmp_path / "run")


def test_a_search_without_new_networks_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_IDLE", 3)
    events: list[Event] = []
    small = settings(evaluations=10_000, population=2, children=1, max_params=5000)
    result = evonas.search(small, tmp_path / "run", events.append)
    assert 2 <= result.evaluations < 100
    said = [event.text for event in events if isinstance(event, Message)]
    assert said == ["the last 3 generations had no new network: the search ends"]
    assert evonas.resume(tmp_path / "run").generations == result.generations


def test_progress_counts_what_ends_the_search(tmp_path: Path) -> None:
    events: list[Event] = []
    evonas.search(settings(evaluations=9, children=3), tmp_path / "run", events.append)
    last = [event for event in events if isinstance(event, Evaluated)][-1].progress
    assert (last.done, last.total, last.unit, last.total_births) == (9, 9, "evaluations", None)
    events.clear()
    evonas.search(settings(generations=2, children=3), tmp_path / "other", events.append)
    last = [event for event in events if isinstance(event, Evaluated)][-1].progress
    assert (last.done, last.total, last.unit, last.total_evaluations) == (12, 12, "births", None)
    written: list[str] = []
    lines = PlainLines(written.append)
    for event in events:
        lines(event)
    assert "2 generations, seed" in written[1]
