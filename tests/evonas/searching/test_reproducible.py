"""The same seed gives the same run.db, times aside, wherever and however it is computed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import evonas
from evonas import SearchSettings
from tests.conftest import REPOSITORY
from tests.evonas.conftest import TINY, content

OPTIONS = ["--population", "6", "--children", "3", "--batch-size", "4", "--channels", "2", "--layers", "3"]


ELSEWHERE = [
    ("2", "in-process", ()),
    ("1", "in-process", ()),
    ("2", "auto", ()),
    ("1", "processes", ("--workers", "1")),
    ("2", "processes", ("--workers", "2")),
    ("1", "processes", ("--workers", "3")),
]
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("proxy", "generations", "ways"),
    [
        ("croze", 1, [("2", "processes", ("--workers", "1"))]),
        pytest.param("croze", 3, ELSEWHERE, marks=slow),
        pytest.param("croze-paper+naswot*-0.5", 3, ELSEWHERE, marks=slow),
    ],
)
def test_the_same_seed_gives_the_same_run_in_any_process_directory_threads_and_engine(
    proxy: str,
    generations: int,
    ways: list[tuple[str, str, tuple[str, ...]]],
    tiny: Callable[..., SearchSettings],
    tmp_path: Path,
) -> None:
    evonas.search(tiny(proxy=proxy, generations=generations, device="cpu", seed=5), tmp_path / "here")
    expected = content(tmp_path / "here")
    assert TINY["population"] == 6 and expected["individuals"]
    command = ["search", "--no-final", "--seed", "5", "--proxy", proxy, "--device", "cpu"]
    command += ["--generations", str(generations)]
    for number, (threads, engine, more) in enumerate(ways):
        directory = tmp_path / "elsewhere" / str(number)
        directory.mkdir(parents=True)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONHASHSEED": str(number)}
        done = subprocess.run(
            [sys.executable, "-m", "evonas", *command, *OPTIONS, "--engine", engine, *more, "--run", "run"],
            cwd=directory,
            env={**environment, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert content(directory / "run") == expected, (threads, engine, more)
    assert evonas.verify(directory / "run").passed
