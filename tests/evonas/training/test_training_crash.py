"""The command line under SIGKILL while it trains, and several processes that train together."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from evonas.training import checkpoint
from evonas.training.settings import TrainSettings
from evonas.training.train_stage import settings_of
from evonas.training.training import LAST

Small = Callable[..., TrainSettings]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def arguments(pictures: str, *more: str) -> list[str]:
    size = ["--channels", "4", "--layers", "3", "--batch-size", "16", "--epochs", "6", "--device", "cpu"]
    return ["train", "DARTS_V2", "--dataset", pictures, "--run", "run", *size, *more]


def command(directory: Path, *given: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "evonas", *given],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, pictures: str) -> tuple[Path, float]:
    """A training that was never interrupted, and how long it took."""
    directory = tmp_path_factory.mktemp("whole")
    started = time.monotonic()
    finish(command(directory, *arguments(pictures)))
    return directory / "run" / "train", time.monotonic() - started


def assert_equal(found: Path, expected: Path) -> None:
    for name in (LAST, "best.safetensors"):
        one, other = checkpoint.load(found / name), checkpoint.load(expected / name)
        assert one.epoch == other.epoch and one.tensors.keys() == other.tensors.keys()
        assert all(torch.equal(one.tensors[tensor], other.tensors[tensor]) for tensor in one.tensors)


@pytest.mark.slow  # ten kills of every stage: tests/faults
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("attempt", range(5), ids=lambda i: f"attempt{i}")
def test_a_training_killed_at_a_random_moment_ends_like_one_that_was_not(
    number: signal.Signals, attempt: int, whole: tuple[Path, float], pictures: str, tmp_path: Path
) -> None:
    expected, seconds = whole
    moment = random.Random(f"{number}-{attempt}").uniform(0.3, 1.0) * seconds
    process = command(tmp_path, *arguments(pictures))
    time.sleep(moment)
    process.send_signal(number)
    output, _ = process.communicate(timeout=300)
    if number == signal.SIGTERM and "training in" in output:
        done = "evaluate its robustness with" in output  # it had ended, and nothing was left to be saved
        assert process.returncode in (0, 130) or done, output
    finish(command(tmp_path, *arguments(pictures)))
    assert_equal(tmp_path / "run" / "train", expected)


@pytest.mark.slow
def test_two_processes_train_one_network(pictures: str, tmp_path: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29517"]
    done = subprocess.run(
        [*launcher, "-m", "--", "evonas", *arguments(pictures, "--set", "ema=0.9")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("epoch 6 of 6") == 1  # one process speaks
    found = checkpoint.load(tmp_path / "run" / "train" / LAST)
    assert found.epoch == 6 and settings_of(tmp_path / "run").genotype == found.genotype
    logits = found.model()(torch.rand(2, 3, 32, 32))
    assert logits.isfinite().all()
