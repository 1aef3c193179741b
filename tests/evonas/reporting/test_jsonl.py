"""``--log jsonl PATH``: what a program that follows a run can rely on."""

from __future__ import annotations

import json
import shutil
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import SearchSettings
from evonas.reporting.jsonl import JsonLines
from evonas.training.events import EpochDone
from evonas.training.metrics import EpochRow
from tests import forks
from tests.evonas.cli.test_cli import run
from tests.evonas.trained import LIGHT

SEARCH = ["search", "--proxy", "params", "--population", "4", "--children", "2", "--no-final", "--run", "r"]


def events(path: Path) -> list[dict[str, Any]]:
    """Every line of a log; fails where one is not JSON as the standard has it."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def test_a_search_tells_every_birth_and_every_generation(tmp_path: Path) -> None:
    done = run(*SEARCH, "--generations", "2", "--log", "jsonl", "new/log.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    log = events(tmp_path / "new" / "log.jsonl")
    births, generation = ["evaluated"] * 4, ["evaluated"] * 2 + ["generation"]
    assert [event["event"] for event in log] == ["started", *births, "generation", *generation * 2, "closed"]
    assert all(datetime.fromisoformat(event["time"]).tzinfo for event in log)
    assert log[0]["run"] == "r" and log[0]["settings"]["proxy"] == "params"
    born = [event for event in log if event["event"] == "evaluated"]
    assert [event["birth"] for event in born] == list(range(8)) and [event["births"] for event in born][-1] == 8
    assert all((event["parent"] is None) == (event["generation"] == 0) for event in born)
    assert all(event["score"] == event["params"] for event in born)
    summary = evonas.summarise(tmp_path / "r")
    assert [event["mean"] for event in log if event["event"] == "generation"] == [r.mean for r in summary.history]
    assert summary.best and log[-2]["best_individual"]["genotype"] == str(summary.best.genotype)


def test_a_log_is_whole_lines_after_a_kill_and_goes_on_with_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    arguments = [*SEARCH, "--generations", "100000", "--log", "jsonl", str(path)]
    process = forks.start(*arguments, cwd=tmp_path)
    try:
        while process.poll() is None and not (path.exists() and path.read_bytes().count(b"\n") > 60):
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    before = events(path)
    assert len(before) > 60 and before[-1]["event"] != "closed"
    with path.open("a") as file:
        file.write('{"time": "2026-')  # what the end of a file may look like after a loss of power
    total = evonas.summarise(tmp_path / "r").generation + 1
    resumed = run("resume", "r", "--generations", str(total), "--log", "jsonl", str(path), cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    lines = path.read_text().splitlines()
    assert lines[len(before)] == '{"time": "2026-'
    after = [json.loads(line) for line in lines[len(before) + 1 :]]
    assert after[0]["event"] == "started" and after[0]["generation"] == total - 1
    assert after[-1]["event"] == "closed"


def test_a_training_and_an_evaluation_are_told_too(tmp_path: Path) -> None:
    train = ["--image-size", "16", "--channels", "2", "--layers", "3", "--epochs", "1", "--set", "batch_size=800"]
    train += ["--set", "crop=2"]
    log = ["--log", "jsonl", "log.jsonl"]
    done = run("train", LIGHT, *train, "--run", "t", *log, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = events(tmp_path / "log.jsonl")
    assert [event["event"] for event in told] == ["training", "step", "epoch", "closed"]
    assert told[0]["settings"]["genotype"].startswith("Genotype(") and told[0]["steps"] == 1
    assert told[2]["epoch"] == 1 and 0 <= told[2]["validation"] <= 1
    measure = ["--images", "4", "--attacks", "fgsm", "--no-corruptions", "--checks", "0", "--json"]
    done = run("evaluate", "t", *measure, *log, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    new = events(tmp_path / "log.jsonl")[len(told) :]
    parts = [(event["what"], event["done"]) for event in new if event["event"] == "measuring"]
    assert ("clean", 4) in parts and new[-1]["event"] == "closed"
    assert any("fgsm 8/255" in event["text"] for event in new if event["event"] == "message")


def test_what_is_not_finite_is_null(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "log.jsonl")
    log(EpochDone(EpochRow(1, 0.1, float("nan"), 0.5, float("inf"), None, 1.0)))
    (event,) = events(tmp_path / "log.jsonl")
    assert event["loss"] is None and event["validation"] is None and event["lr"] == 0.1


def test_a_log_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    log = JsonLines(tmp_path / "gone" / "log.jsonl", said.append)
    shutil.rmtree(tmp_path / "gone")
    evonas.search(SearchSettings(proxy="params", population=4, generations=1), tmp_path / "run", log)
    assert len(said) == 1 and "the run continues without this log" in said[0]
    assert evonas.summarise(tmp_path / "run").generation == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["xml", "log"], "choose from jsonl"),
        (["jsonl", "file/log"], "cannot write file/log"),
        (["jsonl", "."], "--log"),
    ],
)
def test_a_log_that_cannot_be_is_refused_before_any_work(
    arguments: list[str], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = run(*SEARCH, "--log", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and expected in done.stderr and not (tmp_path / "r").exists()
    assert len(done.stderr.strip().splitlines()) == 1


def test_of_several_processes_the_first_one_keeps_the_log(tmp_path: Path) -> None:
    done = run(*SEARCH, "--log", "jsonl", "log.jsonl", cwd=tmp_path, RANK="1")
    assert done.returncode == 0 and not (tmp_path / "log.jsonl").exists()
