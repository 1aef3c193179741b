"""Several objectives: the Pareto front, its hypervolume, and every place where it is shown or used."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import SearchSettings, UsageError
from evonas.core.events import Event, Warned
from evonas.reporting.plain import PlainLines
from evonas.reporting.reproduce import search_command
from evonas.searching.hypervolume import hypervolumes
from evonas.searching.objectives.named import several_of
from evonas.store.front import Front, spread
from evonas.store.individual import Individual
from evonas.store.run import Run
from evonas.testing.algorithm import Trial
from fitness import proxies
from spaces.nasbench201.genotype import OPERATIONS

TWO = "params,-flops"
SMALL: dict[str, Any] = {
    "space": "nasbench201", "algorithm": "nsga2", "channels": 4, "layers": 1, "population": 8, "children": 4,
    "generations": 3, "seed": 1,
}  # fmt: skip


def settings(objectives: str | None = TWO, **changes: Any) -> SearchSettings:
    return SearchSettings(**{**SMALL, "objectives": objectives, **changes})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("front") / "run"
    evonas.search(settings(), path)
    return path


def dominated(one: Individual, others: list[Individual]) -> bool:
    mine = np.array([one.values["params"], -one.values["flops"]])  # type: ignore[operator]
    gains = np.array([[other.values["params"], -other.values["flops"]] for other in others])  # type: ignore[operator]
    return bool(((gains >= mine).all(1) & (gains > mine).any(1)).any())


def test_a_front_keeps_what_nothing_dominates_and_the_earlier_of_equals() -> None:
    points = [((1.0, 1.0), "a"), ((2.0, 0.0), "b"), ((2.0, 0.0), "c"), ((0.0, 0.0), "d"), ((0.0, 3.0), "e")]
    front: Front[str] = Front().after(points)
    assert front.items == ("b", "a", "e") and len(front) == 3
    assert front.after([((1.0, 1.0), "again"), ((-1.0, 0.0), "worse")]) is front
    assert front.after([((2.0, 1.0), "f")]).items == ("f", "e")
    assert Front().after([((value,), value) for value in (1.0, 3.0, 2.0)]).items == (3.0,)


def test_members_are_spread_over_a_front() -> None:
    assert spread("abcdefg", 3) == ["a", "d", "g"]
    assert spread("ab", 3) == ["a", "b"] and spread("abc", 1) == ["a"]


def test_the_front_of_a_run_is_that_of_its_births(run: Path) -> None:
    with Run.read(run) as store:
        born = [one for one in store.individuals() if not one.cached]
        front = store.front()
        assert {one.birth for one in front} == {
            one.birth
            for i, one in enumerate(born)
            if not dominated(one, born) and one.values not in [other.values for other in born[:i]]
        }
        assert store.best() == front[0] and store.leading(2) == [front[0], front[-1]]
        assert [*front[0].values] == ["params", "flops"]
    values = [one.values["params"] for one in front]
    assert values == sorted(values, reverse=True)  # type: ignore[type-var]
    assert all(one.params == one.values["params"] and one.flops == one.values["flops"] for one in front)


def test_show_and_best_json_have_the_front(run: Path) -> None:
    shown, best = evonas.summarise(run).as_json(), json.loads((run / "best.json").read_text())
    assert shown["front"] == best["front"] and len(shown["front"]) > 1
    assert shown["objectives"] == best["objectives"] == [
        {"name": "params", "maximise": True}, {"name": "flops", "maximise": False}
    ]  # fmt: skip
    assert shown["best"]["genotype"] == best["genotype"] == shown["front"][0]["genotype"]
    assert (best["proxy"], best["score"]) == ("params", shown["front"][0]["values"]["params"])
    assert shown["settings"]["objectives"] == TWO and shown["settings"]["proxy"] == "params"


def test_a_run_with_one_objective_shows_nothing_new(tmp_path: Path) -> None:
    result = evonas.search(settings(None, proxy="params", algorithm="regularized-evolution"), tmp_path / "run")
    shown, best = (
        evonas.summarise(tmp_path / "run").as_json(),
        json.loads((tmp_path / "run/best.json").read_text()),
    )
    assert not {"front", "objectives"} & shown.keys() and "hypervolume" not in shown["history"][0]
    assert best.keys() == {"genotype", "score", "proxy", "params", "flops", "birth"}
    assert result.front == (result.best,)
    with closing(sqlite3.connect(tmp_path / "run/run.db")) as db:
        assert db.execute("SELECT count(*) FROM meta WHERE key IN ('reference', 'objectives')").fetchone() == (0,)


def test_the_hypervolume_is_the_area_above_the_worst_of_the_first_population(run: Path) -> None:
    with Run.read(run) as store:
        first = [one for one in store.individuals() if one.generation == 0]
        worst = [min(one.params for one in first), max(one.flops for one in first)]
        assert json.loads(store.meta("reference") or "") == worst
        found = hypervolumes(store)
        corners = [(one.params - worst[0], worst[1] - one.flops) for one in store.front()]
    area = left = 0.0
    for x, y in sorted(corner for corner in corners if min(corner) > 0):  # strips of one member each
        area, left = area + (x - left) * y, x
    assert found[-1] == pytest.approx(area) and area > 0
    assert found == sorted(found)  # type: ignore[type-var]
    assert [row["hypervolume"] for row in evonas.summarise(run).as_json()["history"]] == found


def test_verify_replays_and_rescores_every_objective(run: Path, tmp_path: Path) -> None:
    found = evonas.verify(run, 4)
    assert found.passed
    assert {finding.name for finding in found.findings} >= {"params", "flops", "reference"}
    copy = tmp_path / "run"
    evonas.search(settings(), copy)
    with closing(sqlite3.connect(copy / "run.db")) as db, db:
        db.execute("UPDATE meta SET value = '[1.0, 2.0]' WHERE key = 'reference'")
    wrong = {finding.name for finding in evonas.verify(copy, 2).findings if not finding.passed}
    assert "reference" in wrong and len(wrong) > 1  # the seals cover it, too


def test_composites_are_standardised_each_by_its_own_members(tmp_path: Path) -> None:
    """Interrupted between generations and extended, with a member that two objectives share."""
    both = settings("params*2+live-size,flops*-1+params", generations=2)
    evonas.search(both, tmp_path / "run")
    facts = evonas.summarise(tmp_path / "run").as_json()
    assert {row["objective"] for row in facts["members"]} == {"params*2+live-size", "flops*-1+params"}
    evonas.search(SearchSettings(**{**vars(both), "generations": 4}), tmp_path / "longer")
    evonas.resume(tmp_path / "run", generations=4)
    assert Trial.content(tmp_path / "run") == Trial.content(tmp_path / "longer")
    assert evonas.verify(tmp_path / "run", 3).passed
    best = facts["best"]["genotype"]
    rows = evonas.score([best], run=tmp_path / "run")
    with Run.read(tmp_path / "run") as store:
        [known] = [one for one in store.individuals() if str(one.genotype) == best and not one.cached]
    assert rows[0].scores == {name: known.values[name] for name in ("params*2+live-size", "flops*-1+params")}


def test_images_are_read_only_if_an_objective_needs_them() -> None:
    assert not several_of(TWO).needs_images
    assert several_of("-params,croze").needs_images
    assert several_of(" croze , -params ").text == "croze,-params"
    assert several_of("croze,-params").identity() == {"croze": proxies["croze"].version, "params": 1}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"objectives": "params,-params"}, "--objectives has two objectives called 'params'; omit one of them"),
        ({"objectives": "params"}, "--objectives takes two or more, separated by commas; --proxy takes one"),
        ({"objectives": "params,-flopz"}, "unknown proxy 'flopz'"),
        ({"objectives": "params,table:flops"}, "--proxy table is used as table:PATH:COLUMN"),
        ({"algorithm": "regularized-evolution"}, "has one objective; add --algorithm nsga2 to optimise several"),
    ],
)
def test_wrong_objectives_are_one_message(wrong: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        evonas.search(settings(**wrong), tmp_path / "run")
    assert message in str(caught.value) and not (tmp_path / "run").exists()


def test_proxy_and_objectives_are_not_given_together() -> None:
    with pytest.raises(UsageError, match="pass --proxy or --objectives, not both"):
        SearchSettings.from_options(proxy="croze", objectives=TWO)


def test_a_resume_keeps_the_objectives(run: Path) -> None:
    evonas.resume(run, objectives=" params, -flops")
    with pytest.raises(UsageError, match="was started with --objectives params,-flops"):
        evonas.resume(run, objectives="params,flops")


def test_a_constant_objective_is_a_warning(tmp_path: Path) -> None:
    events: list[Event] = []
    cell = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
    cells = (cell.format(*chosen) for chosen in product(OPERATIONS, repeat=6))
    (tmp_path / "T.csv").write_text("genotype,same\n" + "".join(f"{text},5\n" for text in cells))
    evonas.search(settings(f"params,table:{tmp_path}/T.csv:same", generations=0), tmp_path / "run", events.append)
    said = [event.text for event in events if isinstance(event, Warned)]
    assert said == [
        "the objective table:same is 5 for the whole first population, so it does not influence the search"
    ]


def test_events_say_how_large_the_front_is(tmp_path: Path) -> None:
    lines: list[str] = []
    plain = PlainLines(lines.append)
    result = evonas.search(settings(generations=1), tmp_path / "run", plain)
    assert f", front {len(result.front)}, " in lines[-1] and "params,-flops on digits" in lines[1]


def test_the_report_draws_the_objectives_and_the_hypervolume(run: Path, tmp_path: Path) -> None:
    page = evonas.report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<h3>params against flops</h3>" in page and "<h3>Hypervolume</h3>" in page
    assert "Score against params" not in page and "fitness params,-flops" in page
    command = search_command(evonas.summarise(run).settings, None, "again")  # type: ignore[union-attr,arg-type]
    assert "--objectives params,-flops" in command and "--proxy" not in command
    assert evonas.plot(run, "front", out=tmp_path / "f.svg").stat().st_size > 1000
    evonas.search(settings(None, proxy="params", generations=0), tmp_path / "one")
    with pytest.raises(UsageError, match="was not searched with several --objectives; --what pareto"):
        evonas.plot(tmp_path / "one", "front")
