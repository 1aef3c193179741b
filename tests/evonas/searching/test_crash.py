"""The command line under signals: killed or stopped and resumed, a run is as if nothing had happened."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests import forks
from tests.evonas.conftest import content

SEARCH = ["--channels", "2", "--layers", "3", "--population", "6", "--children", "3", "--batch-size", "2"]
SEARCH += ["--generations", "4", "--seed", "5", "--no-final", "--engine", "in-process"]


def finish(process: forks.Command) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A run that was never interrupted, and how long it took."""
    directory = tmp_path_factory.mktemp("whole")
    started = time.monotonic()
    finish(forks.start("search", *SEARCH, "--run", "run", cwd=directory))
    return directory / "run", time.monotonic() - started


def interrupt_and_resume(directory: Path, number: signal.Signals, moment: float) -> str:
    """Send a signal after ``moment`` seconds, then continue until the run is finished."""
    process = forks.start("search", *SEARCH, "--run", "run", cwd=directory)
    time.sleep(moment)
    process.send_signal(number)
    output, _ = process.communicate(timeout=300)
    state = f"{output}\nreturn code {process.returncode}"
    resumed = forks.start("resume", "run", cwd=directory)
    text, _ = resumed.communicate(timeout=300)
    if resumed.returncode == 2 and ("is not a run" in text or "is empty" in text):  # killed before it began
        finish(forks.start("search", *SEARCH, "--run", "run", cwd=directory))
    else:
        assert resumed.returncode == 0, state + text
    return state


@pytest.mark.slow  # ten kills of every stage: tests/faults
@pytest.mark.parametrize("attempt", range(5))
def test_a_run_killed_at_a_random_moment_and_resumed_equals_an_uninterrupted_one(
    whole: tuple[Path, float], tmp_path: Path, attempt: int
) -> None:
    reference, seconds = whole
    moment = random.Random(attempt).uniform(0.3, 0.95) * seconds
    interrupt_and_resume(tmp_path, signal.SIGKILL, moment)
    assert content(tmp_path / "run") == content(reference)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
@pytest.mark.parametrize("generation", [0, *(pytest.param(i, marks=pytest.mark.slow) for i in range(1, 4))])
def test_an_interrupted_run_exits_with_130_and_says_how_to_continue(
    whole: tuple[Path, float], tmp_path: Path, number: signal.Signals, generation: int
) -> None:
    process = forks.start("search", *SEARCH, "--run", "run", cwd=tmp_path)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(f"generation {generation}"):
            break
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    output = "".join(lines) + rest
    assert process.returncode == 130, output
    assert "evonas resume run" in rest and "Traceback" not in output
    finish(forks.start("resume", "run", cwd=tmp_path))
    assert content(tmp_path / "run") == content(whole[0])


@pytest.mark.slow
def test_a_second_process_on_the_same_run_is_told_who_holds_it(tmp_path: Path) -> None:
    first = forks.start("search", *SEARCH, "--run", "run", cwd=tmp_path)
    assert first.stdout is not None
    for line in first.stdout:
        if line.startswith("generation"):
            break
    second = forks.start("resume", "run", cwd=tmp_path)
    output, _ = second.communicate(timeout=60)
    reader = finish(forks.start("show", "run", cwd=tmp_path))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert second.returncode == 1
    assert f"in use by process {first.pid}" in output and len(output.strip().splitlines()) == 1
    assert "generation" in reader
    finish(forks.start("resume", "run", cwd=tmp_path))  # a dead holder holds nothing
