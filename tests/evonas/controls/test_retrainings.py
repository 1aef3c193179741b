"""The same genotype with other seeds: inside a run, outside of one, interrupted, extended, failing."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import evonas
from evonas import EvonasError, FinalPlan, SearchSettings, UsageError
from evonas.core.events import Event, unwatched
from evonas.evaluation.result import Evaluation
from evonas.evaluation.retrained import Retrained
from evonas.evaluation.spread import Spread
from evonas.reporting.plain import PlainLines
from evonas.tabulating.events import NetworkTabulated
from evonas.training import checkpoint
from evonas.training.divergence import NotFinite
from evonas.training.retrainings import retrainings
from evonas.training.settings import TrainSettings
from evonas.training.training import Training
from evonas.verification.verify import verify
from tests.evonas.controls.conftest import MEASURED


def trained(tiny: TrainSettings, run: Path, seeds: int | None, observer: Any = unwatched) -> None:
    evonas.train(tiny, run, observer, seeds=seeds)


def results(run: Path) -> dict[str, Any]:
    evonas.evaluate(run, MEASURED)
    return json.loads((run / "evaluation.json").read_text())["retrainings"]


def test_the_mean_the_deviation_and_the_interval_are_those_of_students_distribution() -> None:
    found = Spread.of([0.5, 0.6, 0.7])
    assert (found.mean, found.sd) == (pytest.approx(0.6), pytest.approx(0.1))
    assert found.interval == pytest.approx((0.6 - 4.302653 * 0.1 / 3**0.5, 0.6 + 4.302653 * 0.1 / 3**0.5))
    assert Spread.of([0.9, 1.0]).interval == (pytest.approx(0.95 - 12.7062 * 0.05, abs=1e-5), 1.0)
    assert Spread.of([0.4]) == Spread((0.4,), 0.4, None, None)


def test_a_further_training_is_that_of_train_and_evaluate_with_its_seed(
    tiny: TrainSettings, tmp_path: Path
) -> None:
    trained(tiny, tmp_path / "run", 3)
    found = results(tmp_path / "run")
    assert found["planned"] == 3 and found["seeds"] == [0, 1, 2] and not found["failed"]
    first = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    alone = evonas.evaluate(evonas.train(replace(tiny, seed=2), tmp_path / "alone").checkpoint, MEASURED)
    for name, accuracies in (
        ("clean", (first["clean"]["accuracy"], alone.clean.accuracy)),
        ("pgd@Linf.eps64", (first["pgd"]["accuracy"], alone.headline["pgd"].rate.accuracy)),
    ):
        values = found["columns"][name]["values"]
        assert (values[0], values[2]) == accuracies
    inside = retrainings(tmp_path / "run" / "train")[1].checkpoint
    expected, weights = (
        checkpoint.load(path).tensors for path in (tmp_path / "alone/train/best.safetensors", inside)
    )
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    evonas.evaluate(tmp_path / "run", replace(MEASURED, epsilons=(32.0,)))  # also with other settings
    again = json.loads((tmp_path / "run" / "evaluation.json").read_text())["retrainings"]["columns"]
    assert "pgd@Linf.eps32" in again and again["clean"] == found["columns"]["clean"]


@pytest.mark.parametrize("number", [1, 2])
def test_interrupted_after_any_training_it_ends_with_the_same_numbers(
    number: int, tiny: TrainSettings, tmp_path: Path
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, NetworkTabulated) and event.done == number:
            raise KeyboardInterrupt

    trained(tiny, tmp_path / "whole", 3)
    with pytest.raises(evonas.Interrupted, match="Resume with: evonas resume"):
        trained(tiny, tmp_path / "killed", 3, stop)
    heard: list[Event] = []
    evonas.resume(tmp_path / "killed", heard.append)
    assert len([event for event in heard if isinstance(event, NetworkTabulated)]) == 2 - number
    assert results(tmp_path / "killed") == results(tmp_path / "whole")


def test_more_trainings_train_only_what_is_missing_and_fewer_are_refused(
    tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    trained(tiny, run, None)
    assert not (run / "train" / "retrainings").exists()
    evonas.resume(run, retrainings=2)
    two = results(run)
    lines: list[str] = []
    trained(tiny, run, 3, PlainLines(lines.append))
    assert any("2 trainings of 1 genotype, 1 of them finished; about" in line for line in lines)
    three = results(run)
    assert (
        three["seeds"] == [0, 1, 2]
        and three["columns"]["clean"]["values"][:2] == two["columns"]["clean"]["values"]
    )
    monkeypatch.setattr(Training, "step", lambda *_: pytest.fail("trained again"))
    trained(tiny, run, None)
    with pytest.raises(UsageError, match="has 3 trainings of its genotype; their number can only grow"):
        trained(tiny, run, 2)
    with pytest.raises(UsageError, match="must be an integer from 1 to 1000"):
        trained(tiny, run, 0)
    with pytest.raises(UsageError, match="seeds would be larger"):
        evonas.train(replace(tiny, seed=2**63 - 2), run.with_name("large"), seeds=3)


def test_a_failed_training_is_counted_with_its_reason(
    tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(training: Training, sums: object, epoch: int) -> None:
        if training.settings.seed == 1:
            raise NotFinite(epoch + 1, 0.1, Path("last"))

    monkeypatch.setattr(Training, "_require_finite", fail)
    run, lines = tmp_path / "run", []
    trained(tiny, run, 3, PlainLines(lines.append))
    assert any("1 of 2, seed 1: failed (the loss is not finite in epoch 1)" in line for line in lines)
    found = results(run)
    assert found["seeds"] == [0, 2] and found["failed"] == {"1": "the loss is not finite in epoch 1"}
    monkeypatch.setattr(Training, "step", lambda *_: pytest.fail("trained again"))
    trained(tiny, run, 3)
    note = "the training with seed 1 failed: the loss is not finite in epoch 1"
    assert Evaluation.from_json(json.loads((run / "evaluation.json").read_text())).retrained.notes == [note]  # type: ignore[union-attr]


def test_a_full_disk_is_one_message_and_loses_nothing(
    tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = checkpoint.write

    def full(path: Path, settings: TrainSettings, *more: Any) -> None:
        if settings.seed == 2:
            raise EvonasError("cannot write") from OSError(errno.ENOSPC, "No space left on device")
        write(path, settings, *more)

    monkeypatch.setattr(checkpoint, "write", full)
    run = tmp_path / "run"
    with pytest.raises(EvonasError, match="No space left on device; finished trainings are saved"):
        trained(tiny, run, 3)
    assert [one.finished for one in retrainings(run / "train")] == [True, False]
    assert results(run)["seeds"] == [0, 1]
    monkeypatch.undo()
    trained(tiny, run, None)
    assert results(run)["seeds"] == [0, 1, 2]


def test_a_search_trains_its_best_genotype_several_times(
    searched: SearchSettings, plan: FinalPlan, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    result = evonas.search(searched, run, final=replace(plan, retrainings=2))
    assert result.evaluation is not None and result.evaluation.retrained is not None
    assert result.evaluation.retrained.seeds == (0, 1)
    again = evonas.resume(run, retrainings=3)
    assert isinstance(again, type(result)) and again.evaluation is not None
    assert again.evaluation.retrained is not None and again.evaluation.retrained.seeds == (0, 1, 2)
    with pytest.raises(UsageError, match="the run has --retrainings 3, which can only grow"):
        evonas.resume(run, retrainings=2)
    bare = tmp_path / "bare"
    evonas.search(searched, bare)
    with pytest.raises(
        UsageError, match="so its final stage cannot be extended; train its best genotype several times with"
    ):
        evonas.resume(bare, retrainings=2)


def test_verify_sees_a_changed_mean_and_a_changed_network(tiny: TrainSettings, tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained(tiny, run, 2)
    results(run)

    def failed() -> list[str]:
        return [f"{one.name}: {one.detail}" for one in verify(run).findings if not one.passed]

    assert failed() == []
    path = run / "evaluation.json"
    content = json.loads(path.read_text())
    content["retrainings"]["columns"]["clean"]["mean"] += 0.01
    path.write_text(json.dumps(content))
    assert [text.partition(":")[0] for text in failed()] == ["evaluation.json"]
    other = run / "train/retrainings/seed-1/train"
    (other / "best.safetensors").write_bytes((run / "train/best.safetensors").read_bytes())
    assert any(text.startswith("seed 1: ") for text in failed())


def test_an_evaluation_reads_back_and_what_is_not_one_is_refused() -> None:
    found = Retrained(3, (0, 2), {1: "no"}, {"clean": Spread.of([0.5, 0.75])})
    assert Retrained.from_json(json.loads(json.dumps(found.as_json()))) == found
    for wrong in (
        {},
        {"planned": 2},
        {**found.as_json(), "seeds": [0]},
        {**found.as_json(), "columns": {"clean": 1}},
    ):
        with pytest.raises(ValueError, match=r"retrainings|seeds|mean over trainings"):
            Retrained.from_json(wrong)


def test_a_plan_of_an_older_version_has_one_training() -> None:
    assert "retrainings" not in FinalPlan().to_json()
    assert FinalPlan.from_json(FinalPlan().to_json()).retrainings == 1
    assert FinalPlan.from_json(FinalPlan(retrainings=4).to_json()).retrainings == 4
