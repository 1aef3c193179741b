"""A search by every algorithm, killed at random moments and resumed: it ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from evonas.searching.algorithms import algorithms
from tests.evonas.conftest import content
from tests.faults.forking import Forks
from tests.faults.stages import AGAIN

KILLS = int(os.environ.get("EVONAS_KILLS", "25"))
SEARCH = "search --space darts --channels 8 --layers 5"
BY_PARAMS = "--proxy params --population 12 --children 8 --generations 8"
BY_CROZE = "--proxy croze --dataset cifar10 --evaluations 200 --max-params 0"
FEWER = {  # options of those that compare many genotypes
    "ag-net": {"pretraining": 100, "epochs": 3},
    "boosted": {"rounds": 20},
    "guided": {"candidates": 300},
    "warmup-move": {"warmup": 300},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(algorithms))
def test_a_killed_search_ends_the_same(forks: Forks, tmp_path: Path, name: str) -> None:
    options = [word for item in FEWER.get(name, {}).items() for word in ("--option", "{}={}".format(*item))]
    kill(forks, tmp_path, name, [*BY_PARAMS.split(), *options])


@pytest.mark.slow
@pytest.mark.skipif("EVONAS_DATA" not in os.environ, reason="needs CIFAR-10 in EVONAS_DATA")
@pytest.mark.parametrize("name", list(algorithms))
def test_a_killed_search_by_croze_ends_the_same(forks: Forks, tmp_path: Path, name: str) -> None:
    kill(forks, tmp_path, name, BY_CROZE.split())


def kill(forks: Forks, tmp_path: Path, name: str, options: list[str]) -> None:
    """Kill searches by the algorithm `KILLS` times, resume each until it ends, and compare it with a whole one."""
    command = [*SEARCH.split(), *options, "--no-final", "--seed", "3", "--algorithm", name, "--run"]
    whole = forks.run(*command, "whole", cwd=tmp_path)
    assert whole.code == 0, whole.output
    expected, rng, kills = content(tmp_path / "whole"), random.Random(name), 0
    while kills < KILLS:
        argv = [*command, "run"]
        while (ended := forks.run(*argv, cwd=tmp_path, after=rng.uniform(0.05, whole.seconds))).code:
            again = ended.code == 2 and any(text in ended.output for text in AGAIN)
            assert ended.code == -9 or again, ended.output
            kills += ended.code == -9
            argv = [*command, "run"] if again or not (tmp_path / "run/run.db").exists() else ["resume", "run"]
        assert content(tmp_path / "run") == expected
        shutil.rmtree(tmp_path / "run")
    print(f"{name}: {kills} kills, all equal, {whole.seconds:.0f} s without")
