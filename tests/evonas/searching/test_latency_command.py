"""``latency:command``: what a command of the user may answer, and a search that is measured by one."""

from __future__ import annotations

import importlib
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.child import MAX_SECONDS, output_of
from evonas.searching.latency import command, measure
from evonas.searching.latency.clock import Timing
from evonas.searching.latency.command import Command, answer_in, write
from evonas.searching.latency.protocol import Protocol
from fitness import NoScore
from tests.evonas.conftest import content

COMMAND = "on-device {folder} --quiet"
SMALL: dict[str, Any] = {"space": "nasbench201", "channels": 2, "layers": 1, "population": 5, "generations": 2}
GENOTYPE = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|"
MEASURED: dict[str, Any] = {
    "algorithm": "nsga2",
    "objectives": "params,-latency:command",
    "constraints": ["latency:command:statistic=p95<=1000"],
    "latency_command": COMMAND,
}


class Device:
    """Stands for what a command starts: milliseconds by the size of the exported network."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.answer: dict[str, Any] = {"backend": "TFLite", "version": "2.1", "machine": "Board A"}
        self.crash_at: int | None = None

    def __call__(self, words: list[str], timeout: float, max_bytes: int, name: str, advice: str) -> bytes:
        if len(self.calls) == self.crash_at:
            raise EvonasError("the board is switched off")
        self.calls.append(words)
        folder = Path(words[1])
        assert {one.name for one in folder.iterdir()} == {"measure.py", "settings.json", "network.onnx"}
        asked = json.loads((folder / "settings.json").read_text())
        size = (folder / asked["file"]).stat().st_size
        same = {key: asked[key] for key in command.SAME}
        return json.dumps({**self.answer, **same, "median_ms": size / 1e4, "p95_ms": size / 5e3}).encode()


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    pytest.importorskip("onnx")
    found = Device()
    monkeypatch.setattr(command, "output_of", found)
    monkeypatch.setattr(command, "exported", lambda network, images: bytes(1 + count(network)))
    command._probed.cache_clear()
    yield found
    command._probed.cache_clear()


def test_a_search_is_measured_by_a_command_once_for_each_network_and_value(device: Device, tmp_path: Path) -> None:
    evonas.search(SearchSettings(**SMALL, **MEASURED), tmp_path / "whole")
    expected, total = content(tmp_path / "whole"), len(device.calls)
    assert all(words[0] == "on-device" and words[2] == "--quiet" for words in device.calls)
    assert not any(Path(words[1]).exists() for words in device.calls)
    device.calls, device.crash_at, run = [], total // 2, tmp_path / "run"
    with pytest.raises(EvonasError, match="the board is switched off"):
        evonas.search(SearchSettings(**SMALL, **MEASURED), run)
    device.crash_at = None
    with pytest.raises(UsageError, match=r"only if it is given again: add --latency-command 'on-"):
        evonas.resume(run)
    with pytest.raises(UsageError, match=r"only if it is given again: add --latency-command 'on-"):
        evonas.score(GENOTYPE, run=run)
    with pytest.raises(UsageError, match="was started with --latency-command on-device"):
        evonas.resume(run, latency_command="another")
    command._probed.cache_clear()
    evonas.resume(run, latency_command=COMMAND, latency_timeout=5)
    assert content(run) == expected and len(device.calls) == total  # also asked once where it measures
    device.crash_at = len(device.calls)
    assert evonas.verify(run).passed and evonas.resume(run).generations == 2
    with closing(sqlite3.connect(run / "run.db")) as db:
        facts = dict(db.execute("SELECT key, value FROM meta"))
    assert json.loads(facts["measured"])["latency:command"] == {"machine": "Board A", "TFLite": "2.1"}
    identity = json.loads(facts["proxies"])["latency:command"]
    assert identity["command"] == COMMAND and identity["format"] == "onnx" and identity["threads"] == 1


def test_values_of_two_devices_are_not_compared(device: Device, tmp_path: Path) -> None:
    evonas.search(SearchSettings(**SMALL, **MEASURED), tmp_path / "run")
    device.answer["machine"] = "Board B"
    settings = {"space": "nasbench201", "channels": 2, "layers": 1, "latency_command": COMMAND}
    message = "measured on Board B with TFLite 2.1, but on Board A with TFLite 2.1 before"
    with pytest.raises(EvonasError, match=message):
        evonas.score(GENOTYPE, "latency:command", **settings)
    command._probed.cache_clear()
    with pytest.raises(
        EvonasError, match=r"measured latency:command on Board A with TFLite .*, but this is Board B"
    ):
        evonas.resume(tmp_path / "run", generations=3, latency_command=COMMAND)
    assert evonas.score(GENOTYPE, "latency:command", **settings)[0].scores["latency:command"]


def test_a_command_without_a_place_and_a_place_without_a_command(device: Device, tmp_path: Path) -> None:
    for options in ({"proxy": "params"}, {"proxy": "-latency:onnx"}):
        with pytest.raises(
            UsageError, match="measures latency:command, which is neither an objective nor limited"
        ):
            evonas.search(SearchSettings(**SMALL, **options, latency_command=COMMAND), tmp_path / "run")
    with pytest.raises(UsageError, match="measured by a command: add --latency-command"):
        evonas.search(SearchSettings(**SMALL, proxy="-latency:command"), tmp_path / "run")
    assert not (tmp_path / "run").exists() and device.calls == []
    assert Command("time -p on-device").words == ["time", "-p", "on-device", "{folder}"]
    assert Command("sh -c 'go {folder} a'").words == ["sh", "-c", "go {folder} a"]


def answer(**changes: Any) -> bytes:
    values = {"backend": "PyTorch", "version": "2", "machine": "Chip", "batch": 2, "threads": 1, "warmup": 10}
    values |= {"runs": 50, "median_ms": 1.5, "p95_ms": 2, **changes}
    return json.dumps({key: value for key, value in values.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (b"", "must print one JSON object and nothing else, not ''"),
        (b"\xff\xfe", "must print one JSON object"),
        (b"Welcome to board A\n" + answer(), "nothing else, not 'Welcome to board A"),
        (answer() + answer(), "Extra data"),
        (b"[1]", "must print one JSON object, not '[1]'"),
        (answer(median_ms=float("nan")), "NaN is not allowed"),
        (answer(p95_ms=float("inf")), "Infinity is not allowed"),
        (answer(median_ms=-1), "answered with median_ms '-1', which is not a time"),
        (answer(median_ms=0), "answered with median_ms '0', which is not a time"),
        (answer(median_ms="1.5"), "answered with median_ms '1.5', which is not a time"),
        (answer(p95_ms=True), "answered with p95_ms 'True', which is not a time"),
        (answer(p95_ms=1), "answered with p95_ms 1, below median_ms 1.5"),
        (answer(median_ms=...), "answered without median_ms; the keys are backend, version, machine, batch"),
        (answer(median_ms=..., median=1.5), "answered without median_ms, with an unknown 'median'; the keys are"),
        (answer(batch=1), "answered with batch '1', but 2 was asked for"),
        (answer(machine=""), "answered with machine \"''\", which is not a name"),
        (answer(version=2), "answered with version '2', which is not a name"),
        (answer(error="x"), "answered with an unknown 'error'"),
    ],
)
def test_a_wrong_answer_is_one_message(output: bytes, said: str) -> None:
    with pytest.raises(EvonasError) as caught:
        answer_in(output, Protocol(batch=2), "the command")
    assert said in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_right_answer_and_one_about_a_network_that_cannot_run() -> None:
    assert answer_in(answer(), Protocol(batch=2), "it") == ("PyTorch", "2", "Chip", Timing(1.5, 2.0))
    with pytest.raises(NoScore, match="the device cannot run the network: 'no such operator'"):
        answer_in(b'{"error": "no such operator"}', Protocol(), "it")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo first >&2; echo board is off >&2; exit 3", "it failed with exit code 3: 'board is off'"),
        ("exit 1", "it failed with exit code 1"),
        ("sleep 60 & echo {}", "it did not end within 0.3 seconds; wait longer"),
        ("exec cat /dev/zero", "it printed more than 100 bytes"),
    ],
)
def test_a_command_that_fails_is_one_message(script: str, said: str) -> None:
    with pytest.raises(EvonasError) as caught:
        output_of(["sh", "-c", script], 0.3 if "sleep" in script else 20, 100, "it", "wait longer")
    assert str(caught.value) == said


def test_a_command_that_cannot_start_or_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match="it cannot be started: '/no/such/program': No such file"):
        output_of(["/no/such/program"], 1, 100, "it", "")
    assert output_of(["sh", "-c", "echo out; echo error >&2"], 20, 100, "it", "") == b"out\n"
    for wrong, said in (
        ("'", "no closing quotation"),
        (" ", "must name a program"),
        ("''", "must name a program"),
    ):
        with pytest.raises(UsageError, match=said):
            SearchSettings(latency_command=wrong)
    for seconds in (0, -1, float("nan"), MAX_SECONDS + 1, "5"):
        with pytest.raises(UsageError, match="--latency-timeout must be a number of seconds above 0"):
            SearchSettings(latency_timeout=seconds)  # type: ignore[arg-type]


class Tiny(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean((2, 3))


@pytest.mark.parametrize("format", ["onnx", pytest.param("pt2", marks=pytest.mark.slow)])
def test_the_script_measures_what_was_written_next_to_it(format: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    before, protocol = torch.get_num_threads(), Protocol(batch=2, warmup=1, runs=4, format=format)
    write(tmp_path, Tiny().eval(), torch.zeros(2, 3, 4, 4), protocol)
    found = measure.measured(tmp_path)
    torch.set_num_threads(before)
    read = answer_in(json.dumps(found).encode(), protocol, "it")
    assert read.backend == {"onnx": "ONNX Runtime", "pt2": "PyTorch"}[format] and read.machine
    (tmp_path / f"network.{format}").write_bytes(b"damaged")
    assert measure.measured(tmp_path).keys() == {"error"}


def test_the_summary_of_runs() -> None:
    assert measure.summary([0.001 * i for i in range(1, 101)]) == pytest.approx((50.5, 95))
    assert measure.summary([0.003]) == pytest.approx((3, 3))


def test_a_process_without_evonas_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.chdir(tmp_path)
    (row,) = evonas.score(
        GENOTYPE,
        "latency:command:warmup=1:runs=3",
        space="nasbench201",
        channels=2,
        layers=1,
        latency_command=f"{sys.executable} {{folder}}/measure.py",
    )
    value = row.scores["latency:command:warmup=1:runs=3"]
    assert value is not None and value > 0


def test_a_network_that_cannot_be_exported_has_no_value(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"space": "nasbench201", "channels": 2, "layers": 1, "latency_command": COMMAND}
    assert evonas.score(GENOTYPE, "latency:command", **settings)[0].reasons == {}

    def failing(*arguments: Any) -> bytes:
        raise ValueError("no operator\nand more")

    monkeypatch.setattr(command, "exported", failing)
    (row,) = evonas.score(GENOTYPE, "latency:command", **settings)
    assert row.reasons == {"latency:command": "the network cannot be exported as onnx: no operator"}
    backend = importlib.import_module("evonas.searching.latency.backend")
    monkeypatch.setattr(backend, "find_spec", lambda package: None)
    with pytest.raises(UsageError, match=r'format onnx .* needs onnx: pip install "evonas\[export\]"'):
        evonas.score(GENOTYPE, "latency:command", **settings)
