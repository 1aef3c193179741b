"""The batch scripts of docs/clusters.md, run by a stand-in for Slurm that sends the signals."""

from __future__ import annotations

import os
import random
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.evonas.conftest import content
from tests.faults.stages import everything

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
SCRIPTS = {
    found[1]: script
    for script in re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    if (found := re.search(r"--job-name=(\S+)", script))
}
TINY = "--space nasbench201 --channels 2 --layers 1 --image-size 8"
SMALLER = {  # after the options of the script
    "search": f"{TINY} --proxy params --population 6 --children 3 --generations 4 --batch-size 2 --epochs 3 "
    "--set batch_size=256 --images 20 --checks 0 --finalists 0",
    "tabulate": f"{TINY} --sample 5 --epochs 2 --images 60 --set batch_size=64 --set cutout=0 --no-corruptions "
    "--engine in-process",
    "resume": "",
}
SRUN = """#!{python}
# a step of a job: the program in a process group of its own, which the scheduler signals
import os, pathlib, sys
os.setpgid(0, 0)
pathlib.Path({step!r}).write_text(str(os.getpid()))
smaller = {smaller!r}[sys.argv[2]].split()
os.execv({python!r}, [{python!r}, "-m", *sys.argv[1:], *smaller])
"""
SCONTROL = """#!/bin/bash
echo "$@" >> requeued
"""


class Scheduler:
    """Runs a batch script in ``directory``, and sends SIGTERM to its step."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.step = directory, directory / "step"
        programs = directory / "bin"
        programs.mkdir(parents=True)
        srun = SRUN.format(python=sys.executable, step=str(self.step), smaller=SMALLER)
        for name, text in (("srun", srun), ("scontrol", SCONTROL)):
            (programs / name).write_text(text)
            (programs / name).chmod(stat.S_IRWXU)
        self.path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def run(self, name: str, after: float | None = None, **variables: str) -> int:
        """The exit code of the job ``name``, whose step gets SIGTERM ``after`` seconds."""
        script = self.directory / f"{name}.sbatch"
        script.write_text(SCRIPTS[name])
        self.step.unlink(missing_ok=True)
        environment = os.environ | {"PATH": self.path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment |= {"SLURM_JOB_ID": "7"} | variables
        with subprocess.Popen(["bash", str(script)], cwd=self.directory, env=environment) as job:
            if after is not None:
                time.sleep(after)
                if job.poll() is None and self.step.exists():
                    os.killpg(int(self.step.read_text()), signal.SIGTERM)
            return job.wait(300)

    @property
    def requeued(self) -> list[str]:
        """What was put into the queue again."""
        file = self.directory / "requeued"
        return file.read_text().splitlines() if file.exists() else []


def preempted(tmp_path: Path, times: int) -> None:
    """One search, stopped so many times and put into the queue again, ends as one that was not."""
    whole = Scheduler(tmp_path / "whole")
    started = time.monotonic()
    assert whole.run("evonas") == 0 and not whole.requeued
    seconds, rng = time.monotonic() - started, random.Random(1)
    runs = stops = 0
    while stops < times:
        one = Scheduler(tmp_path / f"{runs}")
        while (code := one.run("evonas", rng.uniform(0, seconds) if stops < times else None)) != 0:
            assert code in (130, -signal.SIGTERM, 128 + signal.SIGTERM), code
            assert len(one.requeued) <= stops + 1
            stops += 1
        assert everything(one.directory / "runs/robust") == everything(whole.directory / "runs/robust")
        assert set(one.requeued) <= {"requeue 7"}
        runs += 1
    print(f"{stops} preemptions in {runs} searches, all ended identical")


def test_a_search_that_is_preempted_and_requeued_ends_the_same(tmp_path: Path) -> None:
    whole = Scheduler(tmp_path / "whole")
    assert whole.run("evonas") == 0
    one = Scheduler(tmp_path / "one")
    for moment in range(2, 60):
        code = one.run("evonas", float(moment))
        if code == 130:
            break
    assert one.requeued == ["requeue 7"]
    assert one.run("evonas") == 0
    assert everything(one.directory / "runs/robust") == everything(whole.directory / "runs/robust")


@pytest.mark.slow
def test_a_search_that_is_preempted_twenty_times_ends_the_same(tmp_path: Path) -> None:
    preempted(tmp_path, 20)


@pytest.mark.slow
def test_an_array_of_seeds_is_as_many_searches(tmp_path: Path) -> None:
    scheduler = Scheduler(tmp_path)
    for number in "12":
        assert scheduler.run("evonas-seeds", SLURM_ARRAY_TASK_ID=number) == 0
    first, second = (content(tmp_path / f"runs/seed-{number}") for number in "12")
    assert first["individuals"] != second["individuals"]


@pytest.mark.parametrize("shards", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_an_array_of_shards_is_joined_to_the_table_of_one_process(shards: int, tmp_path: Path) -> None:
    whole, one = Scheduler(tmp_path / "whole"), Scheduler(tmp_path / "one")
    assert whole.run("evonas-join") == 0
    for number in range(shards, 0, -1):
        variables = {"SLURM_ARRAY_TASK_ID": f"{number}", "SLURM_ARRAY_TASK_COUNT": f"{shards}"}
        assert one.run("evonas-table", **variables) == 0
        assert not (one.directory / "own.csv").exists()
    assert one.run("evonas-join") == 0
    for name in ("own.csv", "own.json"):
        assert (one.directory / name).read_bytes() == (whole.directory / name).read_bytes()


def test_the_page_has_the_scripts() -> None:
    assert SCRIPTS.keys() == {"evonas", "evonas-seeds", "evonas-table", "evonas-join"}
