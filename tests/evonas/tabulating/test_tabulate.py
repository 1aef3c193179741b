"""A table: what it holds, and that it does not depend on how it came about."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import evonas
from evonas import EvaluateSettings, EvonasError, UsageError
from evonas.core.locks import held
from evonas.data.tables.table import read_table
from evonas.data.tables.units import UnitOption
from evonas.engine import InProcess
from evonas.engine.base import loss
from evonas.tables.problem import problem
from evonas.tabulating.events import NetworkTabulated, TabulationStarted
from evonas.tabulating.job import Job, Outcome, failure
from evonas.tabulating.journal import TrainingFile
from evonas.tabulating.trainer import Trainer
from evonas.training.training import Training
from spaces import spaces
from tests.evonas.tabulating.conftest import Heard, Make, files, made
from tests.warm import WarmProcesses

pytestmark = pytest.mark.usefixtures("unforeseen")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "own.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_table_is_read_by_the_readers_and_says_where_it_comes_from(make: Make, out: Path) -> None:
    heard = Heard()
    result = made(out, make(corruptions=True), heard)
    table = read_table(out, spaces["nasbench201"])
    assert len(table) == 3 and table.trainings is not None and len(table.trainings.architectures) == 4
    assert [row["seed"] for row in rows(out)] == ["0", "1", "0", "0"]
    assert {*result.accuracies} == {
        "clean",
        "fgsm-64",
        "pgd-64",
        "weather",
        "noise",
        "blur",
        "digital",
        "corruptions",
        "attacks",
    }
    assert all(0 <= column.lowest <= column.mean <= column.highest <= 1 for column in result.accuracies.values())
    assert result.accuracies["clean"].noise is not None
    assert problem(out, "nasbench201", unit=UnitOption()).goals["clean"].target.units == ("fraction",)
    sidecar = json.loads(out.with_suffix(".json").read_text())
    assert sidecar["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert sidecar["training"]["epochs"] == 2 and sidecar["data"]["classes"] == ["dark", "light"]
    started = next(event for event in heard if isinstance(event, TabulationStarted))
    assert (started.total, started.done, started.seconds) == (4, 0, 4.0)
    assert [event.done for event in heard if isinstance(event, NetworkTabulated)] == [1, 2, 3, 4]
    assert sorted(path.name for path in out.with_suffix(".trainings").iterdir() if path.is_dir()) == []


@pytest.mark.usefixtures("single_thread")
def test_a_training_is_that_of_train_and_evaluate(make: Make, out: Path, tmp_path: Path) -> None:
    settings = make(sample=1, recipe="fast-adv", corruptions=True)
    made(out, settings)
    for row in rows(out):
        run = tmp_path / f"run-{row['seed']}"
        trained = evonas.train(
            row["genotype"],
            run,
            space="nasbench201",
            dataset=settings.dataset,
            image_size=8,
            channels=2,
            layers=1,
            validation=16,
            recipe="fast-adv",
            overrides=settings.overrides,
            seed=int(row["seed"]),
            device="cpu",
        )
        measured = evonas.evaluate(run, EvaluateSettings(epsilons=64, steps=2, images=8, checks=0, device="cpu"))
        assert float(row["validation"]) == pytest.approx(trained.best.validation, abs=1e-6)
        assert float(row["clean"]) == pytest.approx(measured.clean.accuracy, abs=1e-6)
        assert float(row["pgd@Linf.eps64"]) == pytest.approx(measured.headline["pgd"].rate.accuracy, abs=1e-6)
        assert measured.corruptions is not None
        assert float(row["fog.s5"]) == pytest.approx(measured.corruptions.table["fog"][4], abs=1e-6)


def test_a_repeated_command_trains_only_what_is_missing(
    make: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(out, make(sample=2, seeds=1))
    heard = Heard()
    made(out, make(seeds=1), heard)
    assert [event.seed for event in heard if isinstance(event, NetworkTabulated)] == [0]
    before = files(out)
    monkeypatch.setattr(Trainer, "__call__", lambda *_: pytest.fail("trained again"))
    out.unlink()
    made(out, make(seeds=1))
    assert files(out) == before


@pytest.mark.parametrize("number", range(1, 5))
def test_interrupted_after_any_training_it_ends_with_the_same_bytes(
    number: int, make: Make, out: Path, undisturbed: tuple[bytes, bytes]
) -> None:
    def stop(event: object) -> None:
        if isinstance(event, NetworkTabulated) and event.done == number:
            raise KeyboardInterrupt

    with pytest.raises(evonas.Interrupted, match="finished work is saved"):
        made(out, make(), stop)
    assert not out.exists()
    heard = Heard()
    made(out, make(), heard)
    assert len([event for event in heard if isinstance(event, NetworkTabulated)]) == 4 - number
    assert files(out) == undisturbed


def test_a_training_continues_after_its_last_epoch(
    make: Make, out: Path, undisturbed: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn, epochs = Training._learn, []

    def stop(training: Training, epoch: int, request: Any) -> Any:
        epochs.append(epoch)
        if len(epochs) == 2:
            raise KeyboardInterrupt
        return learn(training, epoch, request)

    monkeypatch.setattr(Training, "_learn", stop)
    with pytest.raises(evonas.Interrupted):
        made(out, make())
    made(out, make())
    assert epochs == [0, 1, 1, 0, 1, 0, 1, 0, 1]
    assert files(out) == undisturbed


def test_two_workers_write_the_same_bytes_as_this_process(
    make: Make, out: Path, undisturbed: tuple[bytes, bytes]
) -> None:
    made(out, make(), engine=WarmProcesses(2))
    assert files(out) == undisturbed


def test_a_training_without_a_place_for_its_files_writes_the_same_bytes(
    make: Make, out: Path, undisturbed: tuple[bytes, bytes]
) -> None:
    engine = InProcess()
    engine.shares_files = False  # as on other machines
    made(out, make(), engine=engine)
    assert files(out) == undisturbed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"overrides": {"epochs": 3}}, "begun with epochs 2, not 3"),
        ({"steps": 3}, "steps 2, not 3"),
        ({"seed": 1}, "seed 0, not 1"),
        ({"train_images": 40}, "train_images None, not 40"),
        ({"channels": 4}, "channels 2, not 4"),
        ({"sample": 2}, "1 trainings of another sample"),
        ({"seeds": 1}, "1 trainings of another sample"),
        ({"stratify": "params"}, "of another sample"),
    ],
)
def test_other_settings_in_the_same_place_are_refused(
    changed: dict[str, Any], message: str, make: Make, finished: Path
) -> None:
    before = files(finished)
    with pytest.raises(UsageError, match=message):
        made(finished, make(**changed))
    assert files(finished) == before


def test_a_table_of_fewer_training_images_is_not_continued_with_all(make: Make, out: Path) -> None:
    made(out, make(sample=1, seeds=1, train_images=40))
    with pytest.raises(UsageError, match="train_images 40, not None"):
        made(out, make(sample=1, seeds=1))


def test_other_images_in_the_same_place_are_refused(
    make: Make, finished: Path, pictures: str, tmp_path: Path
) -> None:
    shutil.copytree(pictures.removeprefix("folder:"), tmp_path / "pictures")
    out = finished
    made(out, make(dataset=f"folder:{tmp_path / 'pictures'}"))  # they may be moved
    (tmp_path / "pictures" / "dark" / "00.png").unlink()
    with pytest.raises(EvonasError, match=r"images of .* are not those of the training of .*own.csv"):
        made(out, make(dataset=f"folder:{tmp_path / 'pictures'}"))
    (tmp_path / "pictures" / "light").rename(tmp_path / "pictures" / "bright")
    with pytest.raises(EvonasError, match="classes"):
        made(out, make(dataset=f"folder:{tmp_path / 'pictures'}"))


def fails(job: Job, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    accuracies = Trainer._accuracies

    def failing(trainer: Trainer, asked: Job, *rest: Any) -> dict[str, float]:
        if asked == job:
            raise error
        return accuracies(trainer, asked, *rest)

    monkeypatch.setattr(Trainer, "_accuracies", failing)


def test_a_failed_training_is_a_row_with_a_reason_and_the_others_go_on(
    make: Make, whole: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = rows(whole)[2]
    fails(Job(row["genotype"], 0), RuntimeError("a kernel\nis missing"), monkeypatch)
    result = made(out, make())
    assert result.failed == {"RuntimeError: a kernel": 1}
    found = rows(out)
    assert [row["failed"] for row in found] == ["", "", "RuntimeError: a kernel", ""] and found[2]["clean"] == ""
    assert len(read_table(out, spaces["nasbench201"])) == 3
    before = files(out)
    monkeypatch.undo()
    made(out, make())  # it would fail again
    assert files(out)[0] == before[0]


def test_a_loss_that_is_not_finite_is_a_reason_without_paths(make: Make, out: Path) -> None:
    with pytest.raises(EvonasError, match=r"every training failed.*the loss is not finite in epoch 2 \(4\)"):
        made(out, make(overrides={"lr": 1e5, "weight_decay": 1.0, "epochs": 3}))
    assert not out.exists()


@pytest.mark.parametrize("error", [MemoryError("too large"), torch.OutOfMemoryError("too large")])
def test_a_training_without_memory_is_tried_again(
    error: Exception, make: Make, out: Path, undisturbed: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(next(csv.DictReader(undisturbed[0].decode().splitlines()))["genotype"], 1)
    with monkeypatch.context() as patch:
        fails(job, error, patch)
        assert made(out, make()).failed == {"out of memory": 1}
    made(out, make())
    assert files(out) == undisturbed


def test_a_training_that_crashes_its_workers_is_tried_again(
    make: Make, out: Path, undisturbed: tuple[bytes, bytes]
) -> None:
    class Crashing(InProcess):
        def map(self, function: Any, items: Any, lost: Any, arrived: Any = None) -> Any:
            first, *others = items
            arrived(lost(first, loss(2, "killed")))
            return super().map(function, others, lost, arrived)

    assert made(out, make(), engine=Crashing()).failed == {"crashed 2 workers (last: killed)": 1}
    made(out, make())
    assert files(out) == undisturbed


@pytest.mark.parametrize("where", ["journal", "checkpoint", "table"])
def test_a_full_disk_is_one_message_and_nothing_is_lost(
    where: str, make: Make, out: Path, undisturbed: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(28, "No space left on device")
    with monkeypatch.context() as patch:
        if where == "journal":
            add, calls = TrainingFile.add, []

            def second(kept: TrainingFile, outcome: Outcome) -> None:
                calls.append(outcome)
                if len(calls) == 2:
                    kept.db.execute("PRAGMA max_page_count = 1")
                    for _ in range(100):
                        add(kept, outcome._replace(reason="x" * 4000, job=Job(f"{len(calls)}", _), values={}))
                add(kept, outcome)

            patch.setattr(TrainingFile, "add", second)
        else:
            name, hits = ("last.safetensors", [3]) if where == "checkpoint" else ("own.csv", [1])
            replace = Path.replace

            def refuse(path: Path, target: Path) -> Path:
                hits[0] -= Path(target).name == name
                if hits[0] == 0:
                    raise full
                return replace(path, target)

            patch.setattr(Path, "replace", refuse)
        with pytest.raises(EvonasError, match="ree disk space and re") as caught:
            made(out, make())
        assert str(caught.value).count("\n") == 0 and not out.exists()
    if where == "journal":
        with TrainingFile(out.with_suffix(".trainings") / "trainings.db") as kept, kept.db:
            kept.db.execute("DELETE FROM trainings WHERE length(genotype) < 5")
    made(out, make())
    assert files(out) == undisturbed


def test_a_second_process_is_told_who_works_there(make: Make, finished: Path) -> None:
    with held(finished.with_suffix(".trainings")), pytest.raises(EvonasError, match="in use by process"):
        made(finished, make())


def test_a_file_of_something_else_is_not_overwritten(make: Make, out: Path) -> None:
    out.with_suffix(".json").write_text("{}")
    with pytest.raises(UsageError, match=r"own\.json exists.*choose another --out"):
        made(out, make())
    with pytest.raises(UsageError, match="must name a CSV file"):
        made(out.with_suffix(".txt"), make())
    assert out.with_suffix(".json").read_text() == "{}"


def test_a_row_of_the_journal_that_is_damaged_is_trained_again(
    make: Make, finished: Path, undisturbed: tuple[bytes, bytes]
) -> None:
    out = finished
    with TrainingFile(out.with_suffix(".trainings") / "trainings.db") as kept, kept.db:
        kept.db.execute("UPDATE trainings SET accuracies = replace(accuracies, 'clean', 'klean') WHERE seed = 1")
    heard = Heard()
    made(out, make(), heard)
    assert [event.seed for event in heard if isinstance(event, NetworkTabulated)] == [1]
    assert files(out) == undisturbed


def test_threads_are_those_of_before(make: Make, out: Path) -> None:
    before = torch.get_num_threads()
    made(out, make(sample=1))
    assert torch.get_num_threads() == before


def test_an_error_of_the_machine_is_not_one_of_the_training() -> None:
    for error in (OSError(28, "No space left on device"), EvonasError("cannot write")):
        error.__cause__ = None if isinstance(error, OSError) else OSError(5, "Input/output error")
        with pytest.raises(EvonasError, match="finished trainings are saved"):
            failure(error)
    assert failure(ValueError("")) == ("ValueError: no message", True)
    assert len(failure(ValueError("x" * 1000))[0]) <= 210
