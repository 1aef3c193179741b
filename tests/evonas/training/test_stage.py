"""From a search to a trained network, and back to where that was interrupted."""

from __future__ import annotations

import functools
import io
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from evonas import SearchSettings, api, pipeline
from evonas.core.locks import held
from evonas.evaluation.settings import EvaluateSettings
from evonas.reporting.overview import Overview
from evonas.reporting.summary import Summary
from evonas.searching.result import SearchResult
from evonas.store.run import Run
from evonas.training import checkpoint
from evonas.training import train_stage as stage
from evonas.training.finalists import rounds
from evonas.training.plan import FACT, FinalPlan, plan_of
from evonas.training.settings import TrainSettings
from evonas.training.standings import standings
from evonas.training.training import Trained
from spaces import EvonasError, UsageError
from tests.evonas.training.test_training import Stop, StopAfter, without_times

SHORT = {"epochs": 2, "batch_size": 16}


@pytest.fixture
def settings(pictures: str) -> SearchSettings:
    return SearchSettings(
        proxy="params",
        dataset=pictures,
        image_size=16,
        space="nasbench201",
        channels=2,
        layers=1,
        population=4,
        children=2,
        generations=2,
        device="cpu",
    )


@pytest.fixture(autouse=True)
def short_evaluation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows a training is measured in short; only the first test looks at the corruptions."""
    corruptions = request.function is test_a_search_with_a_plan_ends_with_a_trained_network
    short = functools.partial(EvaluateSettings, steps=2, corruptions=corruptions)
    monkeypatch.setattr(pipeline, "EvaluateSettings", short)


def searched(settings: SearchSettings, path: Path, plan: FinalPlan | None) -> SearchResult:
    return api.search(settings, path, final=plan)


def test_a_search_with_a_plan_ends_with_a_trained_network(settings: SearchSettings, tmp_path: Path) -> None:
    result = searched(settings, tmp_path / "run", FinalPlan(overrides={**SHORT, "epochs": 1}, checks=4))
    assert result.best is not None and result.trained is not None
    assert result.trained.settings.genotype == str(result.best.genotype)
    assert result.evaluation is not None and result.evaluation.clean.n == 15
    shown = api.summarise(tmp_path / "run").as_json()
    assert shown["evaluation"]["corruptions"]["source"] == "regenerated"
    assert shown["trained"]["test"]["accuracy"] == result.evaluation.clean.accuracy
    said = api.training_result(result.trained)
    assert said["n"] == 15 and 0 <= said["accuracy"] <= 1
    assert api.summarise(tmp_path / "run").stage == "evaluated"


def test_a_preset_measures_on_what_there_is_and_a_number_that_was_asked_for_must_be_there(
    settings: SearchSettings, tmp_path: Path
) -> None:
    plan = FinalPlan.from_options("quick", overrides={**SHORT, "epochs": 1}, checks=0)
    result = searched(settings, tmp_path / "run", plan)
    assert result.evaluation is not None and result.evaluation.clean.n == 15
    with Run.read(tmp_path / "run") as store:
        assert plan_of(store) == FinalPlan(overrides=plan.overrides, images=15, checks=0)
    with pytest.raises(UsageError, match=r"--images 16 is larger than the test set \(15 images\)"):
        searched(settings, tmp_path / "other", FinalPlan.from_options("quick", images=16))


def test_killed_while_training_a_run_resumes_there(settings: SearchSettings, tmp_path: Path) -> None:
    plan = FinalPlan(overrides=SHORT, images=4, checks=0)
    whole = searched(settings, tmp_path / "whole", plan).trained
    with pytest.raises(Stop):
        api.search(settings, tmp_path / "killed", StopAfter(5), final=plan)
    assert api.summarise(tmp_path / "killed").stage == "training"
    again = api.resume(tmp_path / "killed")
    assert isinstance(again, SearchResult) and again.trained is not None and whole is not None
    assert without_times(again.trained.history) == without_times(whole.history)
    expected, found = (checkpoint.load(one.checkpoint).tensors for one in (whole, again.trained))
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_training_on_photographs_that_an_older_version_began_is_continued(
    settings: SearchSettings, tmp_path: Path
) -> None:
    """It has no random resized crops, and does not say so."""
    overrides = {**SHORT, "epochs": 1}
    plan = FinalPlan(overrides={**overrides, "area": 0}, images=4, checks=0)
    first = searched(replace(settings, image_size=66, generations=0), tmp_path / "run", plan).trained
    assert "area" not in json.loads((tmp_path / "run" / "train" / "settings.json").read_text())["numbers"]
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as db, db:
        text = replace(plan, overrides=overrides).to_json()
        db.execute("UPDATE meta SET value = ? WHERE key = ?", (text, FACT))
    again = api.train(tmp_path / "run")
    assert first is not None and again.settings.chosen == first.settings.chosen and again.settings.chosen.area == 0
    with pytest.raises(EvonasError, match=r"area 0\.0, not 0\.5"):
        api.train(tmp_path / "run", overrides={**overrides, "area": 0.5})


def test_a_longer_search_sets_the_training_of_the_former_best_aside(
    settings: SearchSettings, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    first = searched(settings, path, FinalPlan(overrides=SHORT, images=4, checks=0)).trained
    second = api.resume(path, generations=12)
    assert isinstance(second, SearchResult) and second.trained is not None and first is not None
    assert second.trained.settings.genotype != first.settings.genotype
    assert stage.settings_of(path).genotype == second.trained.settings.genotype
    assert (path / "train.1" / "best.safetensors").is_file()


def test_finalists_compete_and_what_they_reached_is_kept(settings: SearchSettings, tmp_path: Path) -> None:
    plan = FinalPlan(overrides=SHORT, finalists=3, images=4, checks=0)
    result = searched(settings, tmp_path / "run", plan)
    journal = json.loads((tmp_path / "run" / "finalists.json").read_text())
    assert [key[0] for key in journal].count("1") == 3 and [key[0] for key in journal].count("2") == 2
    assert result.trained is not None
    before = (tmp_path / "run" / "finalists.json").stat().st_mtime_ns
    again = api.train(str(tmp_path / "run"))
    assert again.settings == result.trained.settings
    assert (tmp_path / "run" / "finalists.json").stat().st_mtime_ns == before


def test_finalists_of_several_objectives_are_of_the_front_and_named(
    settings: SearchSettings, tmp_path: Path
) -> None:
    run, changes = (
        tmp_path / "run",
        {"algorithm": "nsga2", "objectives": "params,-live-size,-flops", "pick": "knee"},
    )
    several = replace(settings, **changes, population=8, children=8, seed=2)  # type: ignore[arg-type]
    result = searched(several, run, FinalPlan(overrides=SHORT, finalists=3, images=4, checks=0))
    assert len(result.front) > 3 and result.best is not None and result.trained is not None
    with Run.read(run) as store:
        leading = {one.birth: str(one.genotype) for one in store.leading(3)}
    assert set(leading) < {one.birth for one in result.front} and result.best.birth in leading
    summary = api.summarise(run)
    assert isinstance(summary, Summary) and {one.birth for one in summary.finalists} == set(leading)
    assert [one.rounds for one in summary.finalists] == [2, 2, 1]
    journal = json.loads((run / "finalists.json").read_text())
    for one in summary.finalists:
        (line,) = [line for key, line in journal.items() if key.startswith(f"{one.rounds}-{one.birth}-")]
        assert line == {"robust": one.robust, "validation": one.validation}
    winner = summary.finalists[0]
    assert leading[winner.birth] == result.trained.settings.genotype
    assert summary.as_json()["finalists"][0] == winner._asdict()
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(Overview(summary))
    text, page = console.export_text(), api.report(run).read_text(encoding="utf-8")
    assert re.search(rf"3 finalists, on held-out images\nplace birth .*\n +1 +{winner.birth} +2 ", text)
    assert "<h3>Finalists</h3>" in page and f"<tr><td>{winner.birth}</td><td>2</td>" in page
    assert api.verify(run, 2).passed


@pytest.mark.parametrize("text", ["[]", '{"1-2": {"robust": 0, "validation": 0}}', '{"1-x-y": {}}', "{"])
def test_a_damaged_journal_of_finalists_is_one_message(text: str, tmp_path: Path) -> None:
    (tmp_path / "finalists.json").write_text(text)
    with pytest.raises(EvonasError, match=r"finalists.json cannot be read: "):
        standings(tmp_path)


def test_finalists_do_not_compete_in_several_processes(
    settings: SearchSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(settings, tmp_path / "run", None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(UsageError, match="finalists compete in one process"):
        api.train(str(tmp_path / "run"), finalists=2, overrides=SHORT)
    assert not (tmp_path / "run" / "finalists").exists()


@pytest.mark.parametrize(("count", "epochs", "total"), [(2, 10, 10), (4, 60, 56), (8, 60, 48), (5, 1, 19)])
def test_finalists_cost_about_one_training(count: int, epochs: int, total: int) -> None:
    plan = rounds(count, epochs)
    assert [plan[0][0], plan[-1][0]] == [count, 2]
    assert sum(competitors * length for competitors, length in plan) == total


def test_a_damaged_journal_of_finalists_is_named(settings: SearchSettings, tmp_path: Path) -> None:
    searched(settings, tmp_path / "run", None)
    (tmp_path / "run" / "finalists.json").write_text('{"1-0": 3}')
    with pytest.raises(EvonasError, match=r"finalists\.json cannot be read"):
        api.train(str(tmp_path / "run"), finalists=2, overrides=SHORT)


def test_who_wants_another_training_of_a_run_is_told_a_way_that_works(
    settings: SearchSettings, tmp_path: Path
) -> None:
    run = tmp_path / "a run"
    result = searched(settings, run, None)
    assert result.best is not None
    api.train(str(run), overrides={"epochs": 1})
    way_out = re.escape(f"evonas train \"GENOTYPE\" --run NEW (evonas show '{run}' prints it)")
    with pytest.raises(EvonasError, match=f"epochs.*{way_out}"):
        api.train(str(run), overrides={"epochs": 2})
    with pytest.raises(UsageError, match=way_out):
        api.train(str(run), tmp_path / "new")
    taken = {name: getattr(settings, name) for name in ("dataset", "space", "channels", "layers")}
    genotype = str(result.best.genotype)
    assert len(api.train(genotype, tmp_path / "new", overrides={"epochs": 1}, **taken).history) == 1
    with pytest.raises(EvonasError, match="choose a new directory with --run"):
        api.train(genotype, tmp_path / "new", overrides={"epochs": 2}, **taken)


def test_a_genotype_is_trained_alone_and_resumed(small: Callable[..., TrainSettings], tmp_path: Path) -> None:
    options = {"channels": 4, "layers": 3, "dataset": small().dataset, "overrides": SHORT, "device": "cpu"}
    with pytest.raises(Stop):
        api.train("DARTS_V2", tmp_path / "run", StopAfter(5), **options)
    result = api.resume(tmp_path / "run")
    assert isinstance(result, Trained) and len(result.history) == 2
    with pytest.raises(UsageError, match="--seed cannot change"):
        api.resume(tmp_path / "run", seed=3)
    for search in ({"options": ["a=1"]}, {"generations": 9}, {"from_generation": 0}):
        name = "--option" if "options" in search else f"--{next(iter(search)).replace('_', '-')}"
        with pytest.raises(UsageError, match=f"run is a training; {name} is for a search$"):
            api.resume(tmp_path / "run", **search)


def test_a_second_process_is_told_that_there_is_a_first(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(EvonasError, match="is in use by process"):
        api.train("DARTS_V2", tmp_path, channels=4, layers=3, overrides=SHORT)


def test_what_the_final_stage_needs_is_asked_for_before_the_search(
    settings: SearchSettings, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="batch_size=4096 is larger"):
        searched(settings, tmp_path / "run", FinalPlan(overrides={"batch_size": 4096}))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("options", [{"recipe": "x"}, {"overrides": {"lr": -1}}, {"finalists": -1}])
def test_a_plan_that_cannot_be_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        FinalPlan(**options)  # type: ignore[arg-type]


def test_a_plan_survives_the_way_to_run_db() -> None:
    plan = FinalPlan.from_options("quick", overrides={"lr": 0.1}, finalists=3)
    assert FinalPlan.from_json(plan.to_json()) == plan and plan.overrides == {"epochs": 5, "lr": 0.1}


def test_nothing_trained_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(UsageError, match="has no training"):
        api.resume(tmp_path)
    (tmp_path / "train" / "settings.json").write_text("{")
    with pytest.raises(EvonasError, match="cannot be read"):
        api.resume(tmp_path)
