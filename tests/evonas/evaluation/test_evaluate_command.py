"""``evonas evaluate`` as a person or a script uses it."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import torch

from evonas.training import checkpoint
from evonas.training.settings import TrainSettings
from tests import forks
from tests.evonas.cli.test_cli import CONTROL, run

QUICK = ["--steps", "2", "--checks", "8", "--no-corruptions", "--device", "cpu"]


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that holds ``run`` with a network that has learned nothing."""
    directory = tmp_path_factory.mktemp("evaluate")
    (directory / "run" / "train").mkdir(parents=True)
    untrained(directory / "run" / "train" / "best.safetensors")
    return directory


def untrained(path: Path) -> None:
    """Write a checkpoint of a network that has learned nothing."""
    settings = TrainSettings("DARTS_V2", channels=2, layers=3, device="cpu").resolve()
    classifier = settings.build()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for buffer in classifier.buffers():
            if buffer.dtype == torch.float32 and buffer.ndim == 1:
                buffer.copy_(1 + 0.1 * torch.rand_like(buffer))
    tensors = {checkpoint.MODEL + name: value for name, value in classifier.state_dict().items()}
    checkpoint.write(path, settings, 1, {"validation": 0.1}, tensors)


@pytest.fixture
def here(trained_run: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained_run / "run", tmp_path / "run")
    return tmp_path


def test_json_is_alone_on_standard_output(here: Path) -> None:
    done = run("evaluate", "run", *QUICK, "--images", "40", "--eps", "8,2", "--json", cwd=here)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((here / "run" / "evaluation.json").read_text())
    assert found["clean"]["n"] == found["fgsm"]["n"] == found["pgd"]["n"] == 40
    assert found["protocol"]["split"] == "test" and found["protocol"]["of"] == 359
    assert "pgd 8/255" in done.stderr


def test_in_a_pipe_everything_is_plain_lines(here: Path) -> None:
    done = run("evaluate", "run", *QUICK, "--images", "40", "--attacks", "pgd", "--restarts", "2", cwd=here)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert not CONTROL.search(done.stdout.replace("\n", ""))
    for text in ("pgd 8/255, 2 of 2: 40 of 40 images", "95 % interval", "2 steps of 10/255, 2 restarts", "pass"):
        assert text in done.stdout
    assert "saved in run/evaluation.json" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["nowhere"], "does not exist", 2),
        (["."], "evonas train", 2),
        (["run", "--attacks", "fgms"], "did you mean fgsm", 2),
        (["run", "--eps", "300"], "0 to 255", 2),
        (["run", "--images", "360"], "larger than the test set", 2),
        (["run", "--device", "abacus"], "unknown --device", 2),
    ],
)
def test_wrong_usage_is_one_message(arguments: list[str], message: str, code: int, here: Path) -> None:
    done = run("evaluate", *arguments, cwd=here)
    assert done.returncode == code and message in done.stderr and done.stderr.count("\n") == 1
    assert not (here / "run" / "evaluation.json").exists()


def test_list_has_the_attacks_with_their_sources(tmp_path: Path) -> None:
    done = run("list", "attacks", cwd=tmp_path)
    assert "autoattack" in done.stdout and "evonas[attacks]" in done.stdout and "ICLR 2018" in done.stdout


LONG = [*QUICK, "--attacks", "fgsm,pgd,apgd-ce", "--eps", "2,1", "--steps", "6", "--batch-size", "60"]


def started(here: Path) -> forks.Command:
    return forks.start("evaluate", "run", *LONG, cwd=here)


def entries(here: Path) -> int:
    file = here / "run" / "evaluation.db"
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file)) as db:
        try:
            return int(db.execute("SELECT count(*) FROM outcomes").fetchone()[0])
        except sqlite3.OperationalError:  # not yet made
            return 0


def wait_for(entry: int, here: Path, process: forks.Command) -> None:
    deadline = time.monotonic() + 120
    while entries(here) < entry:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("signals", "moments"),
    [
        pytest.param([signal.SIGKILL], [5], marks=pytest.mark.slow),
        pytest.param([signal.SIGINT], [3], marks=pytest.mark.slow),  # SIGTERM: tests/faults
        pytest.param([signal.SIGKILL] * 4, [1, 8, 14, 25], marks=pytest.mark.slow),
    ],
    ids=["killed", "interrupted", "killed often"],
)
def test_an_evaluation_that_was_stopped_ends_as_if_it_had_not_been(
    signals: list[signal.Signals], moments: list[int], here: Path, whole: Callable[[], str]
) -> None:
    for number, moment in zip(signals, moments, strict=True):
        process = started(here)
        wait_for(moment, here, process)
        process.send_signal(number)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == (130 if number == signal.SIGINT else -number), output
        assert not (here / "run" / "evaluation.json").exists()
    before = entries(here)
    assert before >= moments[-1]
    output, _ = (process := started(here)).communicate(timeout=300)
    assert process.returncode == 0, output
    assert (here / "run" / "evaluation.json").read_text() == whole()


@pytest.fixture(scope="module")
def whole(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """What an evaluation that was never stopped finds."""
    directory = tmp_path_factory.mktemp("whole")
    shutil.copytree(trained_run / "run", directory / "run")
    output, _ = (process := started(directory)).communicate(timeout=300)
    assert process.returncode == 0, output
    return lambda: (directory / "run" / "evaluation.json").read_text()
