"""Random genotypes of the size of a winner: drawn, trained like it, interrupted, extended, failing."""

from __future__ import annotations

import csv
import errno
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import evonas
from evonas import EvonasError, FinalPlan, SearchSettings, UsageError
from evonas.controls import group
from evonas.controls.group import draw
from evonas.core.events import Event, Message, unwatched
from evonas.data.tables.table import read_table
from evonas.evaluation.controls import FILE, TABLE, Comparison, controls_in
from evonas.reporting.overview import Overview
from evonas.searching.result import SearchResult
from evonas.tabulating.events import NetworkTabulated, TabulationStarted
from evonas.training import checkpoint
from evonas.training.divergence import NotFinite
from evonas.training.settings import TrainSettings
from evonas.training.train_stage import settings_of
from evonas.training.training import Training
from evonas.verification.verify import verify
from spaces import NetworkSize, spaces
from tests.evonas.controls.conftest import MEASURED
from tests.spaces.renaming import rename

SIZE = NetworkSize(4, 3, 10, 32)
DARTS = spaces["darts"]
LARGE = "sep_conv_5x5"
SWAPPED = ((0, 1, 2, 3), (True,) * 4)  # the inputs of every node


@pytest.fixture(autouse=True)
def unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told how long it takes."""
    monkeypatch.setattr("evonas.controls.control.estimate", lambda trainer, jobs, flops: dict.fromkeys(jobs, 1.0))


def grown(searched: SearchSettings, plan: FinalPlan, run: Path, controls: int, observer: Any = unwatched) -> None:
    evonas.search(searched, run, observer, final=replace(plan, controls=controls))


def files(run: Path) -> tuple[bytes, bytes]:
    return (run / FILE).read_bytes(), (run / TABLE).read_bytes()


def genotypes(run: Path) -> list[str]:
    found = controls_in(run)
    assert found is not None
    return [one.genotype for one in found.group]


def test_controls_have_the_size_of_the_winner_and_are_different_networks() -> None:
    winner = DARTS.random(np.random.default_rng(3))
    found, wanted = draw(DARTS, winner, SIZE, 12, 0), DARTS.params(winner, SIZE)
    assert all(abs(DARTS.params(one, SIZE) - wanted) <= 0.1 * wanted for one in found)
    assert len({DARTS.key(one) for one in [*found, winner]}) == 13
    assert [DARTS.canonical(one) for one in found] == found
    assert draw(DARTS, winner, SIZE, 5, 0) == found[:5] != draw(DARTS, winner, SIZE, 5, 1)


def test_the_largest_network_has_controls_from_a_walk_that_stays_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MAX_DRAWS", 50)
    edges = ", ".join(f"('{LARGE}', {state})" for node in range(4) for state in (node, node + 1))
    cells = f"normal=[{edges}], normal_concat=[2, 3, 4, 5], reduce=[{edges}], reduce_concat=[2, 3, 4, 5]"
    winner = DARTS.parse(f"Genotype({cells})")
    found, wanted = draw(DARTS, winner, SIZE, 4, 0), DARTS.params(winner, SIZE)
    assert all(0.9 * wanted <= DARTS.params(one, SIZE) <= wanted for one in found)
    assert draw(DARTS, winner, SIZE, 2, 0) == found[:2]


def test_a_space_with_too_few_genotypes_of_that_size_says_how_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group, "MAX_DRAWS", 100)
    monkeypatch.setattr(group, "MAX_REPEATS", 2)
    space = spaces["nasbench201"]
    largest = space.parse(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"
        + "|".join(["", *(f"nor_conv_3x3~{i}" for i in range(3)), ""])
    )
    with pytest.raises(
        UsageError, match=r"nasbench201 has only \d+ other genotypes within 10 % of the .*--controls"
    ):
        draw(space, largest, SIZE, 900, 0)


def test_a_search_compares_its_winner_with_controls(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    run, heard = tmp_path / "run", []
    result = evonas.search(searched, run, heard.append, final=replace(plan, controls=3, retrainings=2))
    found = result.controls
    assert found is not None and found == controls_in(run) and len(found.group) == 3
    assert [*found.columns] == ["clean", "fgsm@Linf.eps64", "pgd@Linf.eps64", "attacks"]
    single = [found.columns[name] for name in ("fgsm@Linf.eps64", "pgd@Linf.eps64")]
    assert found.columns["attacks"].winner == pytest.approx(sum(one.winner for one in single) / 2)
    assert found.columns["attacks"].mean == pytest.approx(sum(one.mean or 0.0 for one in single) / 2)
    assert found.seeds == (0, 1) and all(one.seeds == [0, 1] for one in found.group)
    started = [event for event in heard if isinstance(event, TabulationStarted)][-1]
    assert (started.genotypes, started.total, started.seconds) == (3, 6, 6.0)
    assert result.evaluation is not None and result.evaluation.retrained is not None
    assert found.columns["clean"].winner == result.evaluation.retrained.columns["clean"].mean
    shown = evonas.summarise(run)
    assert shown.as_json()["controls"]["columns"]["clean"]["percentile"] == found.columns["clean"].percentile
    lines = io.StringIO()
    Console(file=lines, width=80).print(Overview(shown))  # type: ignore[arg-type]
    text = " ".join(lines.getvalue().split())
    assert re.search(r"clean [\d.]+ %: better than \d of 3 controls", text)
    assert "over genotypes and retrainings" in text and " ".join(found.verdict.split()) in text
    page = evonas.report(run).read_text()
    assert page.count("<title>control ") == 12 and "relative improvement" in page and "Control group" in page
    card = evonas.export(run, ["genotype"]).card.read_text()
    assert "## Against random genotypes of its size" in card and found.verdict[1:] in card
    table = read_table(run / TABLE, spaces["nasbench201"])
    assert len(table) == 4 and table.trainings is not None
    with (run / TABLE).open() as file:
        assert [row["role"] for row in csv.DictReader(file)] == ["winner"] * 2 + ["control"] * 6


def test_a_control_is_trained_and_evaluated_like_a_winner(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    grown(searched, plan, run, 2)
    with (run / TABLE).open() as file:
        rows = list(csv.DictReader(file))
    settings = replace(settings_of(run), genotype=rows[2]["genotype"], seed=int(rows[2]["seed"]))
    trained = evonas.train(settings, tmp_path / "alone")
    stored = evonas.EvaluateSettings.from_dict(json.loads((run / "evaluation.json").read_text())["settings"])
    alone = evonas.evaluate(tmp_path / "alone", stored)
    assert float(rows[2]["validation"]) == pytest.approx(trained.best.validation, abs=1e-6)
    assert float(rows[2]["clean"]) == pytest.approx(alone.clean.accuracy, abs=1e-6)
    assert float(rows[2]["pgd@Linf.eps64"]) == pytest.approx(alone.headline["pgd"].rate.accuracy, abs=1e-6)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_interrupted_after_any_training_it_ends_with_the_same_bytes(
    number: int, searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, NetworkTabulated) and event.done == number:
            raise KeyboardInterrupt

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    grown(searched, plan, whole, 3)
    with pytest.raises(evonas.Interrupted, match="Resume with: evonas resume"):
        grown(searched, plan, killed, 3, stop)
    heard: list[Event] = []
    evonas.resume(killed, heard.append)
    assert len([event for event in heard if isinstance(event, NetworkTabulated)]) == 3 - number
    assert files(killed) == files(whole)


def test_a_finished_run_gets_controls_and_more_of_them_train_only_what_is_missing(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    evonas.search(searched, run, final=plan)
    assert controls_in(run) is None and "controls" not in evonas.summarise(run).as_json()
    counts = []
    for options in ({"controls": 1}, {"controls": 3}, {"retrainings": 2}, {}):
        heard: list[Event] = []
        evonas.resume(run, heard.append, **options)  # type: ignore[arg-type]
        counts.append(len([event for event in heard if isinstance(event, NetworkTabulated)]))
    assert counts == [1, 2, 1 + 3, 0]
    evonas.search(searched, whole, final=replace(plan, controls=3, retrainings=2))
    assert files(run) == files(whole)
    with pytest.raises(UsageError, match="the run has --controls 3, which can only grow"):
        evonas.resume(run, controls=2)
    trained = tmp_path / "trained"
    evonas.train(settings_of(run), trained)
    with pytest.raises(UsageError, match="--controls and --reuse are for the winner of a search"):
        evonas.resume(trained, controls=2)


def test_failed_controls_are_rows_with_a_reason(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    evonas.search(searched, run, final=plan)

    def fail(training: Training, sums: object, epoch: int) -> None:
        raise NotFinite(epoch + 1, 0.1, Path("last"))

    with monkeypatch.context() as patched:
        patched.setattr(Training, "_require_finite", fail)
        evonas.resume(run, controls=1)
    evonas.resume(run, controls=2)
    found = controls_in(run)
    assert found is not None and [len(one.seeds) for one in found.group] == [0, 1]
    assert found.notes[0] == "1 training of controls failed: the loss is not finite in epoch 1"
    assert found.notes[1] == "1 of 2 controls left out" and "needs at least two" in found.verdict
    with (run / TABLE).open() as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["failed"] == "the loss is not finite in epoch 1" and rows[1]["clean"] == ""
    assert [one.detail for one in verify(run).findings if not one.passed] == []


def test_a_full_disk_is_one_message_and_loses_nothing(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    grown(searched, plan, whole, 2)
    evonas.search(searched, run, final=plan)
    write, last = checkpoint.write, genotypes(whole)[1]

    def full(path: Path, settings: TrainSettings, *more: Any) -> None:
        if settings.genotype == last:
            raise EvonasError("cannot write") from OSError(errno.ENOSPC, "No space left on device")
        write(path, settings, *more)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "write", full)
        with pytest.raises(EvonasError, match="No space left on device; finished trainings are saved"):
            evonas.resume(run, controls=2)
    heard: list[Event] = []
    evonas.resume(run, heard.append)
    assert len([event for event in heard if isinstance(event, NetworkTabulated)]) == 1
    assert files(run) == files(whole)


def test_a_winner_that_was_evaluated_in_another_way_has_no_part_in_the_group(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    grown(searched, plan, run, 2)
    evonas.evaluate(run, replace(MEASURED, steps=3))
    with pytest.raises(
        UsageError, match=r"steps 2, not 3\. Evaluate its winner in the same way, or remove .*controls"
    ):
        evonas.resume(run, controls=3)


def test_equal_trainings_of_another_run_or_a_table_are_taken_over(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    first, second, whole = (tmp_path / name for name in ("first", "second", "whole"))
    grown(searched, plan, first, 2)
    evonas.search(searched, whole, final=replace(plan, controls=3))
    heard: list[Event] = []
    evonas.search(searched, second, heard.append, final=replace(plan, controls=3), reuse=first)
    assert len([event for event in heard if isinstance(event, NetworkTabulated)]) == 1
    assert f"2 of 3 trainings of controls are taken from {first}" in [
        event.text for event in heard if isinstance(event, Message)
    ]
    assert files(second) == files(whole)
    table = tmp_path / "own.csv"
    shutil.copytree(whole / "controls", table.with_suffix(".trainings"))
    heard.clear()
    evonas.resume(first, heard.append, controls=3, reuse=[table, second])
    assert not [event for event in heard if isinstance(event, NetworkTabulated)]
    assert files(first) == files(whole)


def test_trainings_of_other_conditions_are_not_taken_over(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    other, run = tmp_path / "other", tmp_path / "run"
    grown(searched, replace(plan, overrides={**plan.overrides, "lr": 0.05}), other, 1)
    evonas.search(searched, run, final=plan)
    with pytest.raises(UsageError, match=r"lr.*Leave it out of --reuse"):
        evonas.resume(run, controls=1, reuse=other)
    with pytest.raises(UsageError, match=r"--reuse .* has no finished trainings: name a run with controls"):
        evonas.resume(other, controls=2, reuse=run / "nowhere")


def test_a_resume_evaluates_with_the_settings_of_the_last_evaluation(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    evonas.search(searched, run, final=plan)
    evonas.evaluate(run, replace(MEASURED, epsilons=(4.0,), other_data=True))
    again = evonas.resume(run)
    assert (
        isinstance(again, SearchResult) and again.evaluation is not None and again.evaluation.epsilons == (64.0,)
    )
    evonas.evaluate(run, replace(MEASURED, epsilons=(32.0, 16.0)))
    found = evonas.resume(run, controls=2)
    assert isinstance(found, SearchResult) and found.evaluation is not None and found.controls is not None
    assert found.evaluation.epsilons == (32.0, 16.0)
    assert {*found.controls.columns} == {
        "clean",
        "attacks",
        *(f"{name}@Linf.eps{size}" for name in ("fgsm", "pgd") for size in (16, 32)),
    }


def test_a_better_genotype_of_a_longer_search_has_a_group_of_its_own(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    grown(searched, plan, run, 2)
    first = controls_in(run)
    evonas.resume(run, generations=12)
    second, aside = controls_in(run), controls_in(run / "train.1")
    assert first is not None and second is not None and aside == first
    assert second.genotype != first.genotype and (run / "train.1" / "controls" / "trainings.db").is_file()


def test_verify_sees_other_genotypes_and_other_numbers(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    grown(searched, plan, run, 2)

    def failed() -> list[str]:
        return [one.name for one in verify(run).findings if not one.passed]

    assert failed() == []
    assert [one.name for one in verify(run).findings if one.part == "controls"] == ["genotypes", FILE, TABLE]
    path, text = run / FILE, (run / FILE).read_text()
    older = json.loads(text)
    del older["columns"]["attacks"]
    older["verdict"] = Comparison.from_json(older).verdict
    path.write_text(json.dumps(older))
    assert failed() == []
    content = json.loads(text)
    content["columns"]["clean"]["mean"] += 0.01
    path.write_text(json.dumps(content))
    assert failed() == [FILE]
    content["controls"].reverse()
    path.write_text(json.dumps(content))
    assert failed() == ["genotypes"]
    path.write_text(text)
    (run / TABLE).write_text((run / TABLE).read_text().replace(",control,", ",control,1"))
    assert failed() == [TABLE]
    path.write_text("{}")
    assert failed() == [FILE]


def test_a_plan_of_an_older_version_has_no_controls() -> None:
    assert "controls" not in FinalPlan().to_json() and FinalPlan.from_json(FinalPlan().to_json()).controls == 0
    assert FinalPlan.from_json(FinalPlan(controls=16).to_json()).controls == 16
    assert FinalPlan.from_options(controls=2).controls == 2


def test_neither_the_winner_nor_a_renaming_of_a_control_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    winner = DARTS.random(rng)
    genotypes = draw(DARTS, winner, SIZE, 2, 0)
    swapped = rename(genotypes[0], (SWAPPED, SWAPPED))
    assert swapped != genotypes[0]
    drawn = iter([winner, genotypes[0], swapped, genotypes[0], genotypes[1]])
    monkeypatch.setattr(type(DARTS), "random", lambda space, rng: next(drawn))
    assert draw(DARTS, winner, SIZE, 2, 0) == genotypes and next(drawn, None) is None
