"""The command line under signals: killed at random moments and resumed, a run is as if nothing had happened."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from evonas import SearchSettings, resume, search
from tests import forks
from tests.evonas.conftest import content

SEARCH = ["--channels", "2", "--layers", "3", "--population", "6", "--children", "3", "--batch-size", "2"]
SEARCH += ["--generations", "8", "--seed", "5", "--no-final", "--engine", "in-process"]


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
@pytest.mark.parametrize("attempt", [0, *(pytest.param(i, marks=pytest.mark.slow) for i in range(1, 13))])
def test_an_interrupted_run_exits_with_130_and_says_how_to_continue(
    whole: tuple[Path, float], tmp_path: Path, number: signal.Signals, attempt: int
) -> None:
    reference, seconds = whole
    process = forks.start("search", *SEARCH, "--run", "run", cwd=tmp_path)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("generation"):
            break
    time.sleep(random.Random(attempt).uniform(0, 0.3) * seconds)
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    output = "".join(lines) + rest
    if "saved in run" not in output:  # unless the signal came when everything was done
        assert process.returncode == 130, output
        assert "evonas resume run" in rest and "Traceback" not in output
    finish(forks.start("resume", "run", cwd=tmp_path))
    assert content(tmp_path / "run") == content(reference)


def members(run: Path) -> set[tuple[object, ...]]:
    """What run.db holds of a composite, with the seconds that each score took: computed again, they differ."""
    if not (run / "run.db").is_file():
        return set()
    with sqlite3.connect(f"file:{run / 'run.db'}?mode=ro", uri=True) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'values'").fetchone():
            return set()
        return set(db.execute("SELECT * FROM \"values\" WHERE name IN ('croze', 'naswot')"))


def test_a_composite_killed_in_its_first_population_loses_nothing(tmp_path: Path) -> None:
    settings = SearchSettings(
        space="nasbench201", proxy="croze+naswot*2", channels=8, layers=2, population=16, children=2, generations=1
    )
    options = ["--space", "nasbench201", "--proxy", "croze+naswot*2", "--channels", "8", "--layers", "2"]
    options += [
        "--population",
        "16",
        "--children",
        "2",
        "--generations",
        "1",
        "--no-final",
        "--engine",
        "in-process",
    ]
    killed = forks.start("search", *options, "--run", "run", cwd=tmp_path)
    deadline = time.monotonic() + 120
    while len(members(tmp_path / "run")) < 4 and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    kept = members(tmp_path / "run")
    before = content(tmp_path / "run")
    assert 4 <= len(kept) < 2 * 16 and not before["individuals"] and not before["statistics"]
    resume(tmp_path / "run")
    assert kept < members(tmp_path / "run")
    search(settings, tmp_path / "whole")
    assert content(tmp_path / "run") == content(tmp_path / "whole")
    assert len(content(tmp_path / "run")["statistics"]) == 1


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
