"""Fixtures that every floor's tests share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start, too: they share the cores

import numpy as np
import pytest
import torch

from evonas.core.signals import STOPPING
from evonas.engine import Processes
from fitness import Batch
from spaces import Space, spaces
from tests.device import DEVICE, problem
from tests.warm import WarmProcesses

REPOSITORY = Path(__file__).parents[1]
LONGEST = ("test_clusters.py", "test_tutorial.py", "test_readme.py", "test_plugin.py")

# A suite in the background of a script is started to ignore SIGINT, and its children would be, too
if threading.current_thread() is threading.main_thread():
    for _number in STOPPING:
        if signal.getsignal(_number) is signal.SIG_IGN:
            signal.signal(_number, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The networks here are tiny: threads would only wait for each other."""
    torch.set_num_threads(1)


def pytest_configure(config: pytest.Config) -> None:
    """A GPU that was asked for must be there."""
    said = problem(DEVICE)
    if said is not None:
        raise pytest.UsageError(said)


@pytest.fixture(scope="session")
def device() -> str:
    """``cpu``, or ``cuda`` with ``EVONAS_TEST_DEVICE=cuda``."""
    return DEVICE


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference values: ``$EVONAS_SHARED``, else ``shared`` beside the repository."""
    folder = Path(os.environ.get("EVONAS_SHARED") or REPOSITORY.parent / "shared")
    if not (folder / "reference").is_dir():
        pytest.skip(f"no reference values at {folder}; set EVONAS_SHARED to the folder that holds them")
    return folder


@pytest.fixture(params=list(spaces))
def space(request: pytest.FixtureRequest) -> Space:
    """Each registered space in turn."""
    return spaces[request.param]


@pytest.fixture(scope="session")
def darts() -> Space:
    return spaces["darts"]


@pytest.fixture(scope="session")
def nasbench201() -> Space:
    return spaces["nasbench201"]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    """A batch of ``n`` random images with ``side`` pixels in float64, normalised like CIFAR-10."""

    def make(n: int = 4, side: int = 32, classes: int = 10, seed: int = 0) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        mean = torch.tensor([0.4914, 0.4822, 0.4465], dtype=torch.float64).view(3, 1, 1)
        std = torch.tensor([0.2470, 0.2435, 0.2616], dtype=torch.float64).view(3, 1, 1)
        pixels = torch.rand((n, 3, side, side), generator=generator, dtype=torch.float64)
        labels = torch.randint(classes, (n,), generator=generator)
        return Batch((pixels - mean) / std, labels, (0 - mean) / std, (1 - mean) / std)

    return make


@pytest.fixture(scope="session")
def run_python() -> Callable[[str], str]:
    """Runs source code in another process and returns what it prints."""

    def run(source: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": "77"}
        process = subprocess.run(
            [sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=True
        )
        return process.stdout.strip()

    return run


@pytest.fixture
def warm_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes are ready at once, see `tests.warm`."""
    monkeypatch.setattr(Processes, "start", WarmProcesses.start)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: they would else be what one process does when the others are done."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
