"""Several processes that train together; kills of a training are in tests/faults."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from evonas.training import checkpoint
from evonas.training.paths import LAST
from evonas.training.train_stage import settings_of

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def arguments(pictures: str, *more: str) -> list[str]:
    size = ["--channels", "4", "--layers", "3", "--batch-size", "16", "--epochs", "6", "--device", "cpu"]
    return ["train", "DARTS_V2", "--dataset", pictures, "--run", "run", *size, *more]


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
