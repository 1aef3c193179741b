"""A real Ray cluster of two nodes on this machine: equal runs, lost workers, lost nodes, a lost driver."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.events import Listener, Message
from evonas.engine import make
from evonas.searching.events import Evaluated, SearchStarted
from evonas.tables.benchmark import TrialFinished
from spaces.nasbench201.genotype import OPERATIONS, Cell
from tests.evonas.conftest import TINY, content
from tests.evonas.engine.functions import act
from tests.evonas.engine.processes import alive, descendants, needs_proc, title, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason='Ray is not installed: pip install "evonas[ray]"'),
]
SETTINGS: dict[str, Any] = {**TINY, "population": 8, "children": 8, "generations": 3, "seed": 5}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with one core each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        found.add_node(num_cpus=1)
        try:
            yield found
        finally:
            found.shutdown()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that all others must equal, computed in this process."""
    path = tmp_path_factory.mktemp("whole") / "run"
    evonas.search(SearchSettings(**SETTINGS), path)
    return path


def lost(item: Any, reason: str) -> str:
    return f"lost: {reason}"


class At(Listener):
    """Does something when a birth has its score."""

    def __init__(self, birth: int, act: Callable[[], object]) -> None:
        self.birth, self.act, self.done = birth, act, False
        self.news: list[str] = []

    def started(self, event: SearchStarted) -> None:
        self.engine = event.engine

    def evaluated(self, event: Evaluated) -> None:
        progress = event.progress
        if progress.births == self.birth:
            self.act()
            self.done = True

    def message(self, event: Message) -> None:
        text = event.text
        self.news.append(text)


def actors() -> set[int]:
    return {pid for pid in descendants(os.getpid()) if title(pid).startswith("ray::Actor")}


def test_a_search_on_two_nodes_equals_one_in_process(cluster: Any, whole: Path, tmp_path: Path) -> None:
    where = At(0, bool)
    evonas.search(SearchSettings(**SETTINGS), tmp_path / "run", where, make("ray", ray_address=cluster.address))
    assert where.engine == "Ray, 2 actors on 2 nodes"
    assert content(tmp_path / "run") == content(whole)


@needs_proc
def test_a_worker_killed_in_the_middle_of_a_generation_changes_nothing(
    cluster: Any, whole: Path, tmp_path: Path
) -> None:
    killer = At(10, lambda: os.kill(min(actors()), signal.SIGKILL))
    evonas.search(SearchSettings(**SETTINGS), tmp_path / "run", killer, make("ray", ray_address=cluster.address))
    assert killer.done and any("its work is repeated" in text for text in killer.news)
    assert content(tmp_path / "run") == content(whole)


def test_a_node_removed_in_the_middle_of_a_generation_changes_nothing(
    cluster: Any, whole: Path, tmp_path: Path
) -> None:
    node = cluster.add_node(num_cpus=1)
    remover = At(10, lambda: cluster.remove_node(node, allow_graceful=False))
    evonas.search(SearchSettings(**SETTINGS), tmp_path / "run", remover, make("ray", 3, cluster.address))
    assert remover.engine == "Ray, 3 actors on 3 nodes"
    assert remover.done and any("its work is repeated" in text for text in remover.news)
    assert content(tmp_path / "run") == content(whole)


def command(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "evonas", *arguments],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def search(directory: Path, address: str, generations: int, reached: int = 1) -> subprocess.Popen[str]:
    """A search on the cluster, returned when it has ``reached`` a generation."""
    options = {**SETTINGS, "generations": generations, "proxy": "croze", "run": "run"}
    arguments = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    process = command(directory, "search", "--no-final", *arguments, "--engine", "ray", "--ray-address", address)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"generation {reached}:"):
            break
    return process


@needs_proc
@pytest.mark.parametrize("reached", [1, 2])
def test_a_killed_driver_and_a_resume_change_nothing(
    cluster: Any, whole: Path, tmp_path: Path, reached: int
) -> None:
    process = search(tmp_path, cluster.address, 3, reached)
    process.kill()
    process.communicate(timeout=100)
    wait_until(lambda: not actors())  # the cluster ends them, and is free again
    resumed = command(tmp_path, "resume", "run", "--engine", "ray", "--ray-address", cluster.address)
    output, _ = resumed.communicate(timeout=200)
    assert resumed.returncode == 0 and "Ray, 2 actors on 2 nodes" in output, output
    assert content(tmp_path / "run") == content(whole)


@needs_proc
def test_ctrl_c_leaves_no_process_of_a_cluster_that_was_started_for_the_search(tmp_path: Path) -> None:
    process = search(tmp_path, "local", 100_000)
    started = descendants(process.pid)
    assert any("raylet" in title(pid) for pid in started)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 130 and "evonas resume run" in output and "Traceback" not in output, output
    wait_until(lambda: not alive(started))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The accuracies of 600 cells."""
    cells = list(
        map(Cell, product(OPERATIONS, OPERATIONS, OPERATIONS[:2], OPERATIONS[:3], OPERATIONS[:4], ["none"]))
    )
    rows = [f"{cell},{50 + 40 * math.sin(number):.3f}" for number, cell in enumerate(cells)]
    path = tmp_path_factory.mktemp("table") / "cells.csv"
    path.write_text("\n".join(["arch_str,clean", *rows]) + "\n")
    return path


ALGORITHMS = ["random", "local-search", "gp"]
TRIALS: dict[str, Any] = {"evaluations": 300, "trials": 6}


def stored(path: Path) -> int:
    """How many trials are in a file that may not be there yet."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as db:
        tables = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'trials'").fetchone()
        return db.execute("SELECT count(*) FROM trials").fetchone()[0] if tables[0] else 0


def but_times(result: Any) -> dict[str, Any]:
    return {name: part for name, part in result.as_dict().items() if name != "seconds"}


def test_a_benchmark_that_loses_a_node_equals_one_in_process(cluster: Any, table: Path) -> None:
    node, news = cluster.add_node(num_cpus=1), list[str]()

    def remove(progress: TrialFinished) -> None:
        if progress.done == 5:
            cluster.remove_node(node, allow_graceful=False)

    engine = make("ray", 3, cluster.address)
    there = evonas.benchmark(table, ALGORITHMS, **TRIALS, engine=engine, observer=remove, announce=news.append)
    assert any("its work is repeated" in text for text in news)
    assert but_times(there) == but_times(evonas.benchmark(table, ALGORITHMS, **TRIALS))


@needs_proc
def test_a_benchmark_whose_driver_is_killed_is_continued(cluster: Any, table: Path, tmp_path: Path) -> None:
    arguments = ["--algorithms", ",".join(ALGORITHMS), "--evaluations", "300", "--trials", "6", "--json"]
    arguments += ["--results", "trials.db", "--engine", "ray", "--ray-address", cluster.address]
    process = command(tmp_path, "benchmark", str(table), *arguments)
    wait_until(lambda: 3 <= stored(tmp_path / "trials.db") < 18)
    process.kill()
    process.communicate(timeout=100)
    wait_until(lambda: not actors())
    assert stored(tmp_path / "trials.db") < 18
    there = evonas.benchmark(
        table,
        ALGORITHMS,
        **TRIALS,
        engine=make("ray", ray_address=cluster.address),
        results=tmp_path / "trials.db",
    )
    assert but_times(there) == but_times(evonas.benchmark(table, ALGORITHMS, **TRIALS))


def test_a_table_that_loses_a_node_has_the_bytes_of_one_process(
    cluster: Any, pictures: str, tmp_path: Path
) -> None:
    settings = evonas.TabulateSettings(
        space="nasbench201",
        sample=8,
        dataset=pictures,
        image_size=8,
        channels=2,
        layers=1,
        epsilons=(64.0,),
        corruptions=False,
        overrides={"epochs": 3, "batch_size": 16, "lr": 0.3, "cutout": 0},
        device="cpu",
    )
    node, news, finished = cluster.add_node(num_cpus=1), list[str](), list[evonas.NetworkTabulated]()

    def remove(event: Any) -> None:
        if isinstance(event, Message):
            news.append(event.text)
        if isinstance(event, evonas.NetworkTabulated):
            finished.append(event)
            if len(finished) == 3:
                cluster.remove_node(node, allow_graceful=False)

    evonas.tabulate(tmp_path / "there.csv", settings, remove, make("ray", 3, cluster.address))
    evonas.tabulate(tmp_path / "here.csv", settings, Listener())
    assert len(finished) == 8 and any("its work is repeated" in text for text in news)
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


def test_what_ends_three_actors_is_lost_and_errors_are_one_message(cluster: Any) -> None:
    news: list[str] = []
    with make("ray", 1, cluster.address).opened("cpu", news.append) as engine:
        results = engine.map(act, [("double", 1), ("die", None), ("double", 2), ("evonas error", "no")], lost)
        assert next(results) == 2
        assert next(results).startswith("lost: ended 3 workers")
        assert next(results) == 4
        with pytest.raises(EvonasError, match=r"^no$"):
            next(results)
    assert len(news) == 2


def test_a_cluster_that_is_not_there_is_one_message_without_asking_ray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray retries for minutes"))
    with pytest.raises(EvonasError, match="ray start --head") as caught:
        evonas.search(SearchSettings(**SETTINGS), tmp_path / "run", engine=make("ray", None, "127.0.0.1:9"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
    with (
        pytest.raises(UsageError, match="--device cuda, not cuda:1"),
        make("ray").opened("cuda:1", print),
    ):
        pass
