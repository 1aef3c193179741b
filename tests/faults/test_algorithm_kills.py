"""A search by every algorithm, killed at random moments and resumed: it ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from evonas.searching.algorithms import algorithms
from tests.evonas.asking import ASKING
from tests.evonas.conftest import content
from tests.faults.forking import Forks
from tests.faults.stages import AGAIN

KILLS = int(os.environ.get("EVONAS_KILLS", "25"))
SEARCH = "search --space darts --channels 8 --layers 5"
BY_PARAMS = "--proxy params --population 12 --children 8 --generations 8"
OF_IMAGES = "--proxy params --dataset digits --image-size 8 --generations 6"
SMALL = {"search_channels": 2, "search_layers": 3, "epochs": 6, "images": 32, "batch": 8, "alpha_lr": 0.1}
LATER = 1.1  # one kill after the other: a start and an epoch may take longer than all kills of a fixed range
BY_CROZE = "--proxy croze --dataset cifar10 --evaluations 200 --max-params 0 --engine in-process"
FEWER = {  # options of those that compare many genotypes
    "ag-net": {"pretraining": 100, "epochs": 3},
    "boosted": {"rounds": 20},
    "darts": SMALL,
    "dsrna": SMALL,
    "guided": {"candidates": 300},
    "warmup-move": {"warmup": 300},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(algorithms))
def test_a_killed_search_ends_the_same(forks: Forks, tmp_path: Path, name: str) -> None:
    options = [word for item in FEWER.get(name, {}).items() for word in ("--option", "{}={}".format(*item))]
    kill(forks, tmp_path, name, [*(BY_PARAMS if name in ASKING else OF_IMAGES).split(), *options])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["local-search", "gp"])
def test_a_killed_joint_search_ends_the_same(forks: Forks, tmp_path: Path, name: str) -> None:
    kill(forks, tmp_path, name, [*BY_PARAMS.split()[2:], "--objectives", "params,-flops", "--joint"])


@pytest.mark.slow
@pytest.mark.skipif("EVONAS_DATA" not in os.environ, reason="needs CIFAR-10 in EVONAS_DATA")
@pytest.mark.parametrize("name", ASKING)
def test_a_killed_search_by_croze_ends_the_same(forks: Forks, tmp_path: Path, name: str) -> None:
    kill(forks, tmp_path, name, BY_CROZE.split())


def kill(forks: Forks, tmp_path: Path, name: str, options: list[str]) -> None:
    """Kill searches by the algorithm `KILLS` times, resume each until it ends, and compare it with a whole one."""
    command = [*SEARCH.split(), *options, "--no-final", "--seed", "3", "--algorithm", name, "--run"]
    whole = forks.run(*command, "whole", cwd=tmp_path)
    assert whole.code == 0, whole.output
    expected, rng, kills = content(tmp_path / "whole"), random.Random(name), 0
    while kills < KILLS:
        argv, latest = [*command, "run"], whole.seconds / 4
        while (ended := forks.run(*argv, cwd=tmp_path, after=rng.uniform(0.05, latest))).code:
            latest *= LATER
            again = ended.code == 2 and any(text in ended.output for text in AGAIN)
            assert ended.code == -9 or again, ended.output
            kills += ended.code == -9
            argv = [*command, "run"] if again or not (tmp_path / "run/run.db").exists() else ["resume", "run"]
        assert content(tmp_path / "run") == expected
        shutil.rmtree(tmp_path / "run")
    print(f"{name}: {kills} kills, all equal, {whole.seconds:.0f} s without")


LIMITED = "search --space nasbench201 --proxy params --channels 4 --layers 1 --population 10 --children 5"
LIMITED += " --generations 6 --constraint latency<=1.5 --no-final --seed 3 --run run"


def measurements(run: Path) -> set[tuple[Any, ...]]:
    try:
        with closing(sqlite3.connect((run / "run.db").absolute().as_uri() + "?mode=ro", uri=True)) as db:
            return set(db.execute("SELECT canonical, name, value, generation FROM measurements"))
    except sqlite3.OperationalError:  # nothing yet
        return set()


@pytest.mark.slow
def test_a_killed_search_keeps_what_it_measured_and_its_births_follow(forks: Forks, tmp_path: Path) -> None:
    """With real latencies, of which no two searches have the same."""
    rng, kills, seconds = random.Random(5), 0, 4.0
    while kills < KILLS:
        argv, known = LIMITED.split(), set()
        while (ended := forks.run(*argv, cwd=tmp_path, after=rng.uniform(0.1, seconds))).code:
            again = ended.code == 2 and any(text in ended.output for text in AGAIN)
            assert ended.code == -9 or again, ended.output
            kills += ended.code == -9
            assert known <= measurements(tmp_path / "run")
            known = measurements(tmp_path / "run")
            argv = LIMITED.split() if again or not (tmp_path / "run/run.db").exists() else ["resume", "run"]
        assert known <= measurements(tmp_path / "run")
        assert len({row[:2] for row in measurements(tmp_path / "run")}) == len(measurements(tmp_path / "run"))
        verified = forks.run("verify", "run", cwd=tmp_path)
        assert verified.code == 0 and "measured, not recomputed" in verified.output, verified.output
        shutil.rmtree(tmp_path / "run")
