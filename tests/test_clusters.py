"""The batch scripts of docs/clusters.md, run by a stand-in for Slurm that sends the signals."""

from __future__ import annotations

import os
import random
import re
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests import forks
from tests.evonas.conftest import content
from tests.faults.stages import everything
from tests.forks import Forks

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
SCRIPTS = {
    found[1]: script
    for script in re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    if (found := re.search(r"--job-name=(\S+)", script))
}
JOB = "\n".join(re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
TINY = "--space nasbench201 --channels 2 --layers 1 --image-size 8"
SMALLER = {  # after the options of the script
    "search": f"{TINY} --proxy params --population 6 --children 3 --generations 4 --batch-size 2 --epochs 9 "
    "--set batch_size=512 --images 10 --checks 0 --finalists 0",
    "tabulate": f"{TINY} --sample 3 --epochs 1 --images 20 --set batch_size=512 --set cutout=0 --no-corruptions "
    "--engine in-process",
    "resume": "",
}
SRUN = """#!{python} -IS
# a step of a job: the program in a process group of its own, which the scheduler signals
import json, os, pathlib, socket, sys
words = sys.argv[1:]
while words[0].startswith("--"):
    del words[0]
if words[0] != "evonas":
    os.execvp(words[0], words)
arguments = words[1:] + {smaller!r}[words[1]].split()
alone = "import os, pathlib; os.setpgid(0, 0); pathlib.Path({step!r}).write_text(str(os.getpid()))"
if {server!r} is None:
    exec(alone)
    os.execv({python!r}, [{python!r}, "-m", "evonas", *arguments])
program = f"import sys; {{alone}}; del sys.argv[1:3]; from evonas.cli.app import main; main()"
read, write = os.pipe()
request = {{"argv": ["-c", program, *arguments], "cwd": os.getcwd(), "environment": None}}
socket.send_fds(socket.socket(fileno={server!r}), [json.dumps(request).encode()], [1, 2, write])
os.close(write)
_, code = map(int, os.fdopen(read))
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
SCONTROL = """#!/bin/bash
if [ "$1" = show ]; then echo 127.0.0.1; echo 127.0.0.2; else echo "$@" >> requeued; fi
"""
EVONAS = """#!{python}
# the program itself, which the scheduler signals if it is the first process of a pod
import os, pathlib, sys
if "--engine" in sys.argv:
    del sys.argv[sys.argv.index("--engine") : sys.argv.index("--ray-address") + 2]
smaller = {smaller!r}.get(sys.argv[1], "").split()
os.execv({python!r}, [{python!r}, "-m", "evonas", *sys.argv[1:], *smaller])
"""
RAY = """#!/bin/bash
if [ "$1" = start ]; then echo "$@" >> ray-starts; fi
if [ "$1" = status ]; then [ -e ray-starts ]; else exec sleep 1000; fi
"""


class Scheduler:
    """Runs a batch script in ``directory``, and sends SIGTERM to its step, or with `B:` to itself.

    With ``forks`` a step is forked from a process that has imported everything, see `tests.forks`.
    """

    def __init__(self, directory: Path, forks: Forks | None = None) -> None:
        self.directory, self.step = directory, directory / "step"
        self.passed = () if forks is None else (forks.fileno(),)
        programs = directory / "bin"
        programs.mkdir(parents=True)
        server = self.passed[0] if self.passed else None
        srun = SRUN.format(python=sys.executable, step=str(self.step), smaller=SMALLER, server=server)
        evonas = EVONAS.format(python=sys.executable, smaller=SMALLER)
        for name, text in (("srun", srun), ("scontrol", SCONTROL), ("evonas", evonas), ("ray", RAY)):
            (programs / name).write_text(text)
            (programs / name).chmod(stat.S_IRWXU)
        self.path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def run(self, name: str, after: float | Path | None = None, **variables: str) -> int:
        """The exit code of the job ``name``; its step gets SIGTERM ``after`` seconds, or once a file is there."""
        script = self.directory / f"{name}.sbatch"
        script.write_text(SCRIPTS[name])
        alone = "--signal=B:" in SCRIPTS[name]
        self.step.unlink(missing_ok=True)
        environment = os.environ | {"PATH": self.path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment |= {"SLURM_JOB_ID": "7"} | variables
        command = ["bash", str(script)]
        with subprocess.Popen(command, cwd=self.directory, env=environment, pass_fds=self.passed) as job:
            if after is not None:
                while isinstance(after, Path) and not after.exists() and job.poll() is None:
                    time.sleep(0.01)
                if isinstance(after, float):
                    time.sleep(after)
                if job.poll() is None and alone:
                    job.terminate()
                elif job.poll() is None and self.step.exists():
                    os.killpg(int(self.step.read_text()), signal.SIGTERM)
            return job.wait(300)

    def pod(self, after: float | None = None) -> int:
        """The exit code of the container, which gets SIGTERM ``after`` seconds."""
        environment = os.environ | {"PATH": self.path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(["sh", "-c", pod_script()], cwd=self.directory, env=environment) as pod:
            if after is not None:
                time.sleep(after)
                if pod.poll() is None:
                    pod.terminate()
            return pod.wait(300)

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
    whole = Scheduler(tmp_path / "whole", forks.server())
    assert whole.run("evonas") == 0
    for attempt in range(9):  # until the signal comes before the end
        one = Scheduler(tmp_path / f"{attempt}", forks.server())
        code = one.run("evonas", one.directory / "runs/robust/train/last.safetensors")
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
    server = forks.server() if shards == 2 else None
    whole, one = Scheduler(tmp_path / "whole", server), Scheduler(tmp_path / "one", server)
    assert whole.run("evonas-join") == 0
    for number in range(shards, 0, -1):
        variables = {"SLURM_ARRAY_TASK_ID": f"{number}", "SLURM_ARRAY_TASK_COUNT": f"{shards}"}
        assert one.run("evonas-table", **variables) == 0
        assert not (one.directory / "own.csv").exists()
    assert one.run("evonas-join") == 0
    for name in ("own.csv", "own.json"):
        assert (one.directory / name).read_bytes() == (whole.directory / name).read_bytes()


def test_the_page_has_the_scripts() -> None:
    assert SCRIPTS.keys() == {"evonas", "evonas-seeds", "evonas-table", "evonas-join", "evonas-ray"}


def test_the_search_of_the_page_works_on_a_scratch_disk(tmp_path: Path) -> None:
    (command,) = re.findall(r"^    evonas (.*--scratch.*)$", PAGE, re.MULTILINE)
    done = forks.run(*command.split(), *SMALLER["search"].split(), "--no-final", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/local/run.db").is_file() and not [*(tmp_path / "scratch").iterdir()]


def test_the_job_of_kubernetes_is_yaml_that_leaves_time_to_save() -> None:
    yaml = pytest.importorskip("yaml")
    claim, job = yaml.safe_load_all(JOB)
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["restartPolicy"] == "Never" and spec["terminationGracePeriodSeconds"] >= 60
    ignored, failed = job["spec"]["podFailurePolicy"]["rules"]
    assert failed["onExitCodes"] == {"containerName": container["name"], "operator": "In", "values": [1, 2]}
    assert ignored["onPodConditions"] == [{"type": "DisruptionTarget"}]
    mounted = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert mounted.keys() == {one["name"] for one in spec["volumes"]}
    (work,) = re.findall(r"^WORKDIR (.+)$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert {*mounted.values()} == {f"{work}/runs", f"{work}/scratch"}
    assert spec["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert container["args"] == [pod_script()]


def pod_script() -> str:
    """What the container runs, without a library for YAML."""
    found = re.search(r"args:\n( +)- \|\n((?:\1  .*\n)+)", JOB)
    assert found is not None
    return textwrap.dedent(found[2])


@pytest.mark.slow
def test_a_pod_that_is_deleted_saves_and_the_next_one_ends_the_same(tmp_path: Path) -> None:
    whole = Scheduler(tmp_path / "whole")
    assert whole.run("evonas") == 0
    one = Scheduler(tmp_path / "pods")
    for moment in range(4, 60):
        code = one.pod(float(moment))
        if code == 130:
            break
    assert one.pod() == 0
    assert everything(one.directory / "runs/robust") == everything(whole.directory / "runs/robust")
    assert not [*(one.directory / "scratch").iterdir()]


@pytest.mark.slow
def test_a_search_on_the_nodes_of_ray_is_that_of_one_process(tmp_path: Path) -> None:
    """In place of Ray there are programs that only wait, and the search runs in one process."""
    whole, one = Scheduler(tmp_path / "whole"), Scheduler(tmp_path / "one")
    assert whole.run("evonas") == 0
    nodes = {"SLURM_JOB_NODELIST": "here", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "1"}
    for moment in range(10, 100, 5):
        code = one.run("evonas-ray", float(moment), **nodes)
        if code in (0, 130):
            break
    assert one.requeued == ["requeue 7"] * (code == 130)
    assert code == 0 or one.run("evonas-ray", **nodes) == 0
    found, expected = everything(one.directory / "runs/ray"), everything(whole.directory / "runs/robust")
    assert found[-1].pop("checkpoint") == expected[-1].pop("checkpoint").replace("robust", "ray")
    assert found == expected
    starts = (one.directory / "ray-starts").read_text().splitlines()
    assert len(starts) % 2 == 0 and starts[0].startswith("start --head") and "--address=" in starts[1]
