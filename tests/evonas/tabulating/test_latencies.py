"""Latencies of a table: columns that are measured after the trainings, one at a time, each once."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvonasError, TabulateSettings, UsageError
from evonas.core.events import Message
from evonas.data.tables.table import read_table
from evonas.searching.latency import backend
from evonas.searching.latency.clock import Timing
from evonas.searching.latency.protocol import Protocol
from evonas.searching.objectives import latency
from evonas.tabulating.croissant import croissant
from evonas.tabulating.place import Place
from evonas.tabulating.plan import plan_of
from evonas.tabulating.shard import Shard
from evonas.tabulating.trainer import Trainer
from fitness import NoScore, Task, stable_hash
from spaces import spaces
from tests.evonas.tabulating.conftest import Make, files, made

pytestmark = pytest.mark.usefixtures("unforeseen")
COLUMNS = ["latency_ms.torch", "latency_ms.torch.p95", "latency_ms.onnx.batch2", "latency_ms.onnx.batch2.p95"]
LATENCY = "torch,onnx:batch=2"


class Clock:
    """Stands for the measurement."""

    def __init__(self) -> None:
        self.measured: list[tuple[str, str]] = []
        self.stop_at: int | None = None
        self.error: Exception | None = None

    def __call__(self, genotype: Any, task: Task, by: Any, protocol: Protocol) -> Timing:
        if len(self.measured) == self.stop_at:
            raise self.error or KeyboardInterrupt
        self.measured.append((str(genotype), protocol.name))
        assert task.size.channels == 2
        median = 1 + stable_hash(protocol.name, str(genotype)) % 7919 / 1000
        return Timing(median, median + 0.5)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    pytest.importorskip("onnxruntime")
    found = Clock()
    monkeypatch.setattr(latency, "timing", found)
    monkeypatch.setattr(Trainer, "__call__", lambda *_: pytest.fail("trained again"))
    return found


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_finished_table_gets_columns_and_loses_them_again(
    make: Make, finished: Path, undisturbed: tuple[bytes, bytes], clock: Clock
) -> None:
    result = made(finished, make(latency=LATENCY))
    assert (
        len(clock.measured) == len(set(clock.measured)) == 2 * 3
    )  # of three genotypes, one of which has two seeds
    assert clock.measured[0][0] == clock.measured[1][0] != clock.measured[2][0]
    assert [name for name in rows(finished)[0] if name.startswith("latency_ms")] == COLUMNS
    for row in rows(finished):
        for name, column in (("torch", COLUMNS[0]), ("onnx:batch=2", COLUMNS[2])):
            median = 1 + stable_hash(name, row["genotype"]) % 7919 / 1000
            assert float(row[column]) == pytest.approx(median, rel=1e-5)
            assert float(row[f"{column}.p95"]) == pytest.approx(median + 0.5, rel=1e-5)
    table = read_table(finished, spaces["nasbench201"])
    assert {*COLUMNS} <= {*table.columns} and not [name for name in result.accuracies if "latency" in name]
    sidecar = json.loads(finished.with_suffix(".json").read_text())
    about = sidecar["latency"]["latency_ms.onnx.batch2"]
    assert {"backend", "batch", "threads", "warmup", "runs", "machine", "ONNX Runtime", "unit"} <= about.keys()
    assert about["batch"] == 2 and about["failed"] == {} and [*sidecar["latency"]] == COLUMNS[::2]
    assert result.as_dict()["latencies"][COLUMNS[0]]["max"] >= result.as_dict()["latencies"][COLUMNS[0]]["mean"]
    before = files(finished)
    made(finished, make(latency=LATENCY))
    assert files(finished) == before and len(clock.measured) == 6
    assert "latencies" not in made(finished, make()).as_dict()
    assert files(finished) == undisturbed


def test_settings_of_latency_are_no_part_of_what_a_training_depends_on(make: Make, clock: Clock) -> None:
    plain, timed = (plan_of(make(latency=text), lambda event: None) for text in ((), LATENCY))
    assert plain.identity == timed.identity and plain.columns == timed.columns and timed.latencies == COLUMNS
    fields = croissant(Place(Path("own.csv")), timed, "0")["recordSet"][0]["field"]
    said = {field["name"]: field["description"] for field in fields}
    assert said[COLUMNS[0]].startswith("Median") and said[COLUMNS[1]].startswith("95th percentile")
    assert said["clean"] == "Accuracy on the test images, from 0 to 1."


@pytest.mark.parametrize("stop", [0, 3, 5])
def test_interrupted_at_any_measurement_it_ends_with_the_same_bytes(
    stop: int, make: Make, finished: Path, clock: Clock
) -> None:
    clock.stop_at = stop
    with pytest.raises(evonas.Interrupted, match="finished work is saved"):
        made(finished, make(latency=LATENCY))
    clock.stop_at = None
    made(finished, make(latency=LATENCY))
    interrupted = files(finished)
    assert len(clock.measured) == len(set(clock.measured)) == 6
    (finished.with_suffix(".trainings") / "latencies.db").unlink()
    made(finished, make(latency=LATENCY))
    assert files(finished) == interrupted and len(clock.measured) == 12


def test_a_column_never_mixes_two_machines(
    make: Make, finished: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(latency, "chip", lambda device: "Chip A")
    clock.stop_at = 2
    with pytest.raises(evonas.Interrupted):
        made(finished, make(latency="torch"))
    monkeypatch.setattr(latency, "chip", lambda device: "Chip B")
    clock.stop_at = None
    made(
        finished, make(latency="torch"), lambda event: said.append(event.text) if isinstance(event, Message) else 0
    )
    assert len(clock.measured) == 5 and "2 networks were measured on another machine or version: repeated" in said
    assert json.loads(finished.with_suffix(".json").read_text())["latency"][COLUMNS[0]]["machine"] == "Chip B"
    before = files(finished)
    monkeypatch.setattr(latency, "chip", lambda device: "Chip C")
    made(finished, make(latency="torch"))
    assert files(finished) == before and len(clock.measured) == 5


def test_a_network_without_a_latency_is_empty_with_its_reason_and_a_lack_of_memory_ends(
    make: Make, finished: Path, clock: Clock
) -> None:
    clock.stop_at, clock.error = 1, RuntimeError("can't allocate memory: you tried\nmore")
    with pytest.raises(
        EvonasError, match=r"latency cannot be measured: can't allocate memory: you tried .genotype"
    ):
        made(finished, make(latency="torch"))
    clock.error = NoScore("no such operator")
    clock.stop_at = 1
    made(finished, make(latency="torch"))
    empty = {row["genotype"] for row in rows(finished) if not row[COLUMNS[0]] and not row[COLUMNS[1]]}
    assert len(empty) == 2 and not any(row["failed"] for row in rows(finished))
    about = json.loads(finished.with_suffix(".json").read_text())["latency"][COLUMNS[0]]
    assert about["failed"] == {"no such operator": 2}


def test_a_shard_measures_nothing(make: Make, finished: Path, clock: Clock) -> None:
    evonas.tabulate(finished, make(latency="torch"), shard=str(Shard(1, 1)))
    assert clock.measured == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"latency": "tensorrt"}, "unknown latency backend 'tensorrt'"),
        ({"latency": "torch:threads=0"}, "threads of latency must be an integer from 1 to 256, not 0"),
        ({"latency": "torch,torch:statistic=p95"}, "leave out statistic"),
        ({"latency": "command"}, "--latency command and --latency-command belong together; add --latency-command"),
        ({"latency": "torch", "latency_command": "x"}, "belong together; add --latency command"),
        ({"latency_command": "'"}, "--latency-command cannot be read: no closing quotation"),
    ],
)
def test_a_wrong_latency_is_one_message(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        TabulateSettings(**options)
    assert said in str(caught.value)


def test_a_missing_runtime_is_said_before_the_trainings(
    make: Make, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "find_spec", lambda package: None)
    with pytest.raises(UsageError, match="a latency by ONNX Runtime needs onnx and onnxruntime: pip install"):
        made(tmp_path / "own.csv", make(latency="torch,onnx,torch"))
    assert TabulateSettings(latency="torch,onnx,torch:batch=1").latency == ("torch", "onnx")
