"""The headline of a Pareto front: which member --pick names, and everything that follows it."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.events import Event
from evonas.reporting.fronts import front_table
from evonas.reporting.live import LiveView
from evonas.reporting.overview import Overview
from evonas.reporting.reproduce import search_command
from evonas.store.front import spread
from evonas.store.headline import headline, picked_in_words
from evonas.store.individual import Individual
from evonas.store.objective import Objective
from evonas.store.run import Run
from evonas.testing.algorithm import Crash, Trial
from evonas.training.train_stage import in_run

SMALL: dict[str, Any] = {
    "space": "nasbench201", "algorithm": "nsga2", "channels": 2, "layers": 1, "population": 8, "children": 4,
    "generations": 3, "seed": 1, "objectives": "params,-live-size,-flops", "device": "cpu",
}  # fmt: skip
TWO = (Objective("a"), Objective("b", maximise=False))


def settings(**changes: Any) -> SearchSettings:
    return SearchSettings(**{**SMALL, **changes})


def front(*values: tuple[float, ...], objectives: tuple[Objective, ...] = TWO) -> list[Individual]:
    names = [objective.name for objective in objectives]
    return [
        Individual(i, 0, (), None, None, dict(zip(names, of_one, strict=True)), 0, 0)
        for i, of_one in enumerate(values)
    ]


def best(run: Path) -> dict[str, Any]:
    return json.loads((run / "best.json").read_text())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pick") / "run"
    evonas.search(settings(), path)
    return path


def test_the_headline_is_the_best_by_an_objective_or_the_knee() -> None:
    members = front((10.0, 50.0), (9.0, 20.0), (4.0, 10.0), (0.0, 5.0))
    assert [headline(members, TWO, pick) for pick in (None, "a", "b", "knee")] == [0, 0, 3, 1]
    assert headline(members[:1], TWO, "knee") == 0
    hollow = front((10.0, 50.0), (2.0, 40.0), (0.0, 5.0))  # below the line through the ends
    assert headline(hollow, TWO, "knee") == 0
    huge = front((1.5e308, 0.0), (1.0e308, -1.5e308), (-1.5e308, -1.6e308))
    assert headline(huge, TWO, "knee") == 1
    three = (*TWO, Objective("knee"))
    equal = front((3.0, 1.0, 2.0), (2.0, 1.0, 3.0), (1.0, 0.0, 3.0), objectives=three)
    assert [headline(equal, three, pick) for pick in ("b", "knee")] == [2, 1]  # an objective of that name wins
    assert picked_in_words(TWO, None) == "best a" and picked_in_words(TWO, "knee") == "knee"
    assert picked_in_words(three, "knee") == "best knee"


def test_a_spread_begins_with_the_item_that_is_kept() -> None:
    assert spread("abcdefg", 3, 6) == ["g", "a", "d"]
    assert spread("abcdefg", 3, 5) == ["f", "a", "d"]  # in the place of g
    assert spread("abcdefghi", 3, 2) == ["c", "a", "i"]  # an end stays
    assert spread("abcdefg", 1, 4) == ["e"] and spread("abc", 3, 1) == ["b", "a", "c"]
    assert spread([], 3) == []


def test_a_pick_changes_the_headline_and_nothing_else(run: Path, tmp_path: Path) -> None:
    result = evonas.search(settings(pick="flops"), tmp_path / "run")
    assert Trial.content(tmp_path / "run") == Trial.content(run)
    with Run.read(run) as store:
        members = store.front()
    smallest = min(members, key=lambda one: one.flops)
    assert result.best == smallest != members[0] and result.front == tuple(members)
    written, usual = best(tmp_path / "run"), best(run)
    assert written["pick"] == "flops" and "pick" not in usual and written["front"] == usual["front"]
    assert (written["birth"], usual["birth"]) == (smallest.birth, members[0].birth)
    summary = evonas.summarise(tmp_path / "run")
    assert summary.best == smallest and summary.as_json()["pick"] == "flops"
    assert evonas.summarise(run).as_json()["pick"] == "params"
    with Run.read(tmp_path / "run") as store:
        assert store.best() == store.leading(2)[0] == smallest
        assert store.best("params") == members[0]
    assert evonas.verify(tmp_path / "run", 2).passed
    command = search_command(summary.settings, None, "again")  # type: ignore[union-attr,arg-type]
    assert "--pick flops" in command


def test_every_view_names_the_headline(tmp_path: Path) -> None:
    events: list[Event] = []
    path = tmp_path / "run"
    result = evonas.search(settings(pick="knee"), path, events.append)
    assert result.best is not None and result.best != result.front[0]
    console = Console(width=140, height=40, record=True, force_terminal=True, color_system=None)
    view = LiveView(console)
    for event in events:
        view(event)
    console.print(view.render(0), Overview(evonas.summarise(path)))  # type: ignore[arg-type]
    shown, place = console.export_text(), result.front.index(result.best) + 1
    assert shown.count("knee: params ") == 2 and f"(birth {result.best.birth})" in shown
    assert f"{place}*" in shown and shown.count("*") == 1
    page = evonas.report(path, tmp_path / "r.html").read_text(encoding="utf-8")
    assert f"birth {result.best.birth}, knee" in page and f"knee, birth {result.best.birth}" in page
    assert "best params" not in page


def test_a_front_of_many_members_shows_the_ends_and_the_headline_with_all_objectives() -> None:
    members = front(*((20.0 - i, float(40 - i)) for i in range(20)))
    long = tuple(Objective(f"table:some.long.column.{name}", name == "a") for name in "ab")
    members = [
        replace(one, values=dict(zip((o.name for o in long), one.values.values(), strict=True))) for one in members
    ]
    console = Console(width=50, record=True, file=io.StringIO())
    console.print(front_table(members, long, 50, members[9]))
    lines = console.export_text().splitlines()
    places = [line.split()[0] for line in lines[:-1] if line.split() and line.split()[0][0] in "123456789…"]
    assert places == [*"123456", "…", "10*", "…", "15", "16", "17", "18", "19", "20"]
    assert next(line for line in lines if "10*" in line).split() == ["10*", "9", "11", "31"]
    assert "7 more in best.json" in lines[-1]


def test_a_resume_may_pick_another_headline_of_a_finished_or_crashed_search(run: Path, tmp_path: Path) -> None:
    path = Trial(settings(), tmp_path).run("crashed", crash_after=10)
    assert evonas.resume(path, pick="flops").best != evonas.resume(path, pick="params").best  # type: ignore[union-attr]
    assert Trial.content(path) == Trial.content(run)
    assert best(path) == {**best(run), "pick": "params"}
    evonas.resume(path, pick="knee", generations=4)
    assert evonas.summarise(path).settings.pick == best(path)["pick"] == "knee"  # type: ignore[union-attr]
    assert evonas.verify(path, 2).passed
    evonas.resume(path, from_generation=1, generations=3)
    assert Trial.content(path) == Trial.content(run) and best(path)["pick"] == "knee"


def test_the_pick_is_sealed(tmp_path: Path) -> None:
    path = tmp_path / "run"
    evonas.search(settings(pick="flops"), path)
    evonas.resume(path, pick="params")
    with closing(sqlite3.connect(path / "run.db")) as db, db:
        db.execute('UPDATE meta SET value = replace(value, \'"pick": "params"\', \'"pick": "flops"\')')
    with pytest.raises(EvonasError, match="generation 0 has changed"):
        evonas.resume(path, generations=4)


def test_train_picks_a_headline_and_export_any_that_was_trained(tmp_path: Path, pictures: str) -> None:
    path = tmp_path / "run"
    evonas.search(settings(dataset=pictures, image_size=16, generations=1), path)
    short = {"overrides": {"epochs": 1, "batch_size": 32}}
    first = evonas.train(path, **short)  # type: ignore[arg-type]
    brief = evonas.EvaluateSettings(attacks="fgsm", epsilons=8.0, images=6, checks=0, corruptions=False)
    evonas.evaluate(path, brief)
    told = "--pick flops names is not trained; train it with: evonas train .* --pick flops"
    with pytest.raises(UsageError, match=told):
        evonas.export(path, "genotype", pick="flops")
    second = evonas.train(path, pick="flops", **short)  # type: ignore[arg-type]
    assert best(path)["genotype"] == second.settings.genotype != first.settings.genotype
    assert best(path)["pick"] == evonas.summarise(path).as_json()["pick"] == "flops"
    for pick, trained, directory in (("params", first, "train.1/export"), ("flops", second, "export")):
        found = evonas.export(path, "genotype", pick=pick)
        assert found.genotype == trained.settings.genotype
        assert found.files[0].path == path / directory / "genotype.json"
        assert ("Evaluated on 6 test images" in found.card.read_text()) == (trained == first)
    assert evonas.export(path, "genotype").genotype == second.settings.genotype
    assert evonas.verify(path, 2).passed
    with Run.open(path) as store:  # as other processes of torchrun do, which store nothing
        assert in_run(store, pick="params", **short).settings.genotype == first.settings.genotype


def test_a_pick_that_does_not_fit_is_one_message(run: Path, tmp_path: Path) -> None:
    unknown = r"--pick takes an objective of the search \(params, live-size, flops\) or knee, not 'param'"
    single = "--pick chooses from the Pareto front of several --objectives; this search has one"
    path = tmp_path / "one"
    one = settings(objectives=None, proxy="params", algorithm="random", generations=0)
    evonas.search(one, path)
    for name, place, message in (("param", run, unknown), ("params", path, single)):
        for call in (evonas.resume, evonas.train, evonas.export):
            with pytest.raises(UsageError, match=message):
                call(place, pick=name)  # type: ignore[operator]
    for wrong, message in ((settings(pick="param"), unknown), (one, single)):
        with pytest.raises(UsageError, match=message):
            evonas.search(SearchSettings(**{**vars(wrong), "pick": "param"}), tmp_path / "none")
    assert not (tmp_path / "none").exists()
    for call in (evonas.train, evonas.export):
        with pytest.raises(UsageError, match="--pick is for the front of a search, and 'DARTS_V2' is not one"):
            call("DARTS_V2", pick="params")  # type: ignore[operator]


def test_a_crash_while_a_picked_search_writes_leaves_it_whole(tmp_path: Path) -> None:
    def crash(event: Event) -> None:
        if event.name == "generation":
            raise Crash

    with pytest.raises(Crash):
        evonas.search(settings(pick="knee"), tmp_path / "run", crash)
    evonas.resume(tmp_path / "run")
    evonas.search(settings(pick="knee"), tmp_path / "whole")
    assert best(tmp_path / "run") == best(tmp_path / "whole")
