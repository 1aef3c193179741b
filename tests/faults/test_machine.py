"""Memory that runs out, a scheduler that ends the work, a clock that jumps, and two processes at one network."""

from __future__ import annotations

import csv
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from evonas.core.locks import held
from tests.faults.conftest import Undisturbed
from tests.faults.forking import Forks
from tests.faults.test_disk import one_message

STAGES = ("search", "training", "evaluation")
Known = Callable[[str], Undisturbed]


CONVOLUTION, LOSS = "torch.nn.functional.conv2d", "torch.nn.functional.cross_entropy"


@pytest.mark.parametrize(
    ("name", "function", "device"),
    [
        ("training", LOSS, "cuda"),
        ("evaluation", CONVOLUTION, "cpu"),
        *(
            pytest.param(name, function, device, marks=pytest.mark.slow)
            for name, function in (("composite", CONVOLUTION), ("training", LOSS), ("evaluation", CONVOLUTION))
            for device in ("cpu", "cuda")
        ),
    ],
)
def test_memory_that_runs_out_is_one_message_and_a_resume_ends_the_same(
    name: str, function: str, device: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known = undisturbed(name)
    known.stage.prepare(tmp_path)
    call = 4 if name == "training" else 150
    said = one_message(forks.run(*known.stage.start, cwd=tmp_path, exhausted=(function, call, device)))
    assert "memory" in said and "saved" in said and ("CUDA" in said) == (device == "cuda"), said
    known.stage.finish(forks, tmp_path)
    assert known.stage.outcome(tmp_path / "run") == known.outcome


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STAGES, "composite"])
def test_no_memory_from_the_system_at_a_hundred_limits(
    name: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known, met, crashed = undisturbed(name), 0, 0
    for i in range(100):
        directory = known.stage.prepare(tmp_path / f"{i}")
        ended = forks.run(*known.stage.start, cwd=directory, memory=random.Random(i).randrange(8 * 2**20))
        crashed += ended.code < 0  # in native code, which does not always ask whether it was given memory
        if ended.code > 0:
            said = one_message(ended).lower()
            assert "memory" in said or "cannot" in said, said
            met += 1
        known.stage.finish(forks, directory)
        assert known.stage.outcome(directory / "run") == known.outcome
    print(f"{name}: {met} of 100 limits were met, {crashed} crashed in libraries, all ended identical")


def terminated(forks: Forks, known: Undisturbed, directory: Path, seed: int) -> bool:
    """SIGTERM at a random moment; returns whether it met a process at work."""
    rng = random.Random(seed)
    known.stage.prepare(directory)
    if seed % 2:
        fault = {"after": rng.uniform(0.05, 1) * known.ended.seconds}
    else:
        fault = {"kill_at": rng.randint(1, known.ended.steps - 20)}
    ended = forks.run(*known.stage.start, cwd=directory, sign=signal.SIGTERM, **fault)
    assert ended.code in (0, 130) or not ended.steps, ended.output  # else it had not begun
    assert "Traceback" not in ended.output
    continued = any(text in ended.output for text in ("evonas resume", "Repeat the command"))
    if ended.code == 130 and ended.steps and not continued:  # then there was nothing to continue yet
        assert forks.run(*known.stage.go_on, cwd=directory).code == 2, ended.output
    known.stage.finish(forks, directory)
    assert known.stage.outcome(directory / "run") == known.outcome
    return ended.code == 130


@pytest.mark.parametrize("name", STAGES)
def test_sigterm_of_a_scheduler_ends_with_130_and_a_resume_ends_the_same(
    name: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    assert terminated(forks, undisturbed(name), tmp_path, 4)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STAGES, "composite", "pipeline"])
def test_a_hundred_times_sigterm(name: str, forks: Forks, undisturbed: Known, tmp_path: Path) -> None:
    found = [terminated(forks, undisturbed(name), tmp_path / f"{i}", 100 + i) for i in range(100)]
    print(f"{name}: {sum(found)} of {len(found)} met a process at work, all ended identical")
    assert sum(found) > 20


@pytest.mark.parametrize("name", STAGES)
def test_a_clock_that_jumps_changes_nothing_and_no_duration_is_negative(
    name: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known = undisturbed(name)
    known.stage.prepare(tmp_path)
    ended = forks.run(*known.stage.start, cwd=tmp_path, jumping_clock=1)
    assert ended.code == 0 and " -" not in ended.output.replace(" - ", " "), ended.output
    assert known.stage.outcome(tmp_path / "run") == known.outcome
    seconds = durations(tmp_path / "run")
    assert seconds and all(0 <= each < 60 for each in seconds)


def durations(run: Path) -> list[float]:
    """Every number of seconds that a run keeps."""
    found: list[float] = []
    for name, tables in (("run.db", ("generations", '"values"')), ("evaluation.db", ("outcomes",))):
        if (run / name).exists():
            with closing(sqlite3.connect(run / name)) as db:
                found += [row[0] for table in tables for row in db.execute(f"SELECT seconds FROM {table}")]
    if (run / "train" / "metrics.csv").exists():
        with (run / "train" / "metrics.csv").open(newline="") as file:
            found += [float(row["seconds"]) for row in csv.DictReader(file)]
    return found


@pytest.mark.parametrize(("name", "what"), [("search", "run"), ("training", "run"), ("evaluation", "evaluation")])
def test_a_second_process_is_told_who_is_first_and_a_dead_one_is_not_waited_for(
    name: str, what: str, forks: Forks, undisturbed: Known, tmp_path: Path
) -> None:
    known = undisturbed(name)
    known.stage.prepare(tmp_path)
    forks.run(
        *known.stage.start, cwd=tmp_path, kill_at=known.ended.steps // 2
    )  # it dies with the lock in its hand
    dead = (tmp_path / "run" / f"{what}.holder").read_text()
    with held(tmp_path / "run", what):
        said = one_message(forks.run(*known.stage.go_on, cwd=tmp_path))
        assert f"is in use by process {os.getpid()} on {socket.gethostname()}" in said
    (tmp_path / "run" / f"{what}.holder").write_text(dead)
    known.stage.finish(forks, tmp_path)
    assert known.stage.outcome(tmp_path / "run") == known.outcome


@pytest.mark.slow
def test_of_two_evaluations_at_once_the_second_is_told_of_the_first(undisturbed: Known, tmp_path: Path) -> None:
    known = undisturbed("evaluation")
    known.stage.prepare(tmp_path)
    command = [sys.executable, "-m", "evonas", *known.stage.start]
    both = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    said = {process.pid: process.communicate()[0] for process in both}
    lost = [process for process in both if process.returncode != 0]
    for process in lost:
        (winner,) = [other for other in both if other is not process]
        assert process.returncode == 1 and f"is in use by process {winner.pid}" in said[process.pid]
    assert len(lost) < 2
    assert known.stage.outcome(tmp_path / "run") == known.outcome
