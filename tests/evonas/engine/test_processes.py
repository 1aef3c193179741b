"""Worker processes: real ones, killed, interrupted and left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import EvonasError, SearchSettings
from evonas.core.events import Listener, Message
from evonas.engine import Engine, Processes
from evonas.searching.events import Evaluated
from tests.conftest import REPOSITORY
from tests.evonas.conftest import content
from tests.evonas.engine.functions import Unreadable, act
from tests.evonas.engine.processes import alive, needs_proc, wait_until, workers_of
from tests.warm import WarmProcesses

Tiny = Callable[..., SearchSettings]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(REPOSITORY)}  # of programs that import these tests


def lost(item: Any, reason: str) -> str:
    return f"lost: {reason}"


@pytest.fixture(scope="module")
def news() -> list[str]:
    return []


@pytest.fixture(scope="module")
def two(news: list[str]) -> Iterator[Engine]:
    """Two processes for the tests of this file; what they do is in the items."""
    with WarmProcesses(2).opened("cpu", news.append) as engine:
        yield engine


def test_results_come_in_order_from_several_processes(two: Engine) -> None:
    items = [("sleep", 0.2), *(("pid", None) for _ in range(20)), ("double", 4)]
    slow, *pids, eight = two.map(act, items, lost)
    assert slow == 0.2 and eight == 8 and os.getpid() not in pids and 1 <= len(set(pids)) <= 2
    assert two.description == "2 worker processes"


def test_a_killed_worker_is_replaced_and_its_work_done_again(two: Engine, news: list[str], tmp_path: Path) -> None:
    items = [("double", 1), ("die once", tmp_path / "marker"), ("double", 2)]
    assert list(two.map(act, items, lost)) == [2, tmp_path / "marker", 4]
    assert news[-1].startswith("a worker crashed (killed by SIGKILL, possibly out of memory)")


def test_what_ends_two_workers_is_lost_with_a_reason(two: Engine) -> None:
    first, gone, last = two.map(act, [("double", 1), ("die", None), ("double", 2)], lost)
    assert (first, last) == (2, 4)
    assert gone == "lost: crashed 2 workers (last: killed by SIGKILL, possibly out of memory)"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (("evonas error", "scoring failed on cpu: no memory"), "^scoring failed on cpu: no memory$"),
        (("value error", "odd\nlines"), "^a worker failed: ValueError: odd$"),
    ],
)
def test_an_error_in_a_worker_is_one_message_here(two: Engine, item: Any, expected: str) -> None:
    results = two.map(act, [("double", 1), item, ("double", 2)], lost)
    assert next(results) == 2
    with pytest.raises(EvonasError, match=expected):
        next(results)


def test_a_worker_writes_nothing_and_its_warnings_are_news(
    two: Engine, news: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert list(two.map(act, [("print", 1), ("warn", "half the split"), ("warn", "half the split")], lost))
    assert news.count("half the split") == 1 and capfd.readouterr() == ("", "")


def test_a_worker_that_cannot_import_what_it_needs_is_one_message(news: list[str]) -> None:
    with Processes(1).opened("cpu", news.append) as engine, pytest.raises(EvonasError) as caught:
        list(engine.map(Unreadable(), [1], lost))
    assert str(caught.value) == "a worker failed: ImportError: libsomething.so.1: cannot open shared object file"


class KillsAWorker(Listener):
    """Sends SIGKILL to one of the workers when a birth is scored, and counts the workers killed."""

    def __init__(self, birth: int, engine: Engine) -> None:
        self.birth, self.engine, self.killed = birth, engine, 0
        self.workers: set[int] = set()
        self.news: list[str] = []

    def evaluated(self, event: Evaluated) -> None:
        self.workers.update(self.engine.processes())
        if event.progress.births == self.birth:
            os.kill(max(self.engine.processes()), signal.SIGKILL)
            self.killed += 1

    def message(self, event: Message) -> None:
        text = event.text
        self.news.append(text)


@needs_proc
def test_a_search_on_two_processes_equals_one_in_process_also_when_a_worker_is_killed(
    tiny: Tiny, tmp_path: Path
) -> None:
    settings = tiny(proxy="croze", population=6, children=4, generations=1)
    evonas.search(settings, tmp_path / "here")
    engine = WarmProcesses(2)
    killer = KillsAWorker(7, engine)
    evonas.search(settings, tmp_path / "there", killer, engine)
    assert killer.killed == 1 and any("its work is repeated" in text for text in killer.news)
    assert content(tmp_path / "there") == content(tmp_path / "here")
    assert len(killer.workers) >= 2 and not alive(killer.workers)


SEARCH = ["--channels", "2", "--layers", "3", "--population", "6", "--children", "6", "--batch-size", "2"]
SEARCH += ["--proxy", "naswot"]
SEARCH += ["--seed", "5", "--run", "run", "--engine", "processes", "--workers", "2"]


def begin(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command line in a process group of its own, as a shell starts it; returns after two generations."""
    process = subprocess.Popen(
        [sys.executable, "-m", "evonas", "search", "--no-final", *SEARCH, *arguments],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("generation 1:"):
            break
    return process


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_to_the_whole_group_stops_the_search_and_not_the_workers_under_it(
    tiny: Tiny, tmp_path: Path, number: signal.Signals
) -> None:
    process = begin(tmp_path, "--generations", "100000")
    workers = workers_of(process.pid)
    os.killpg(process.pid, number)
    try:
        output, _ = process.communicate(timeout=100)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130 and "evonas resume run" in output, output
    assert "Traceback" not in output and "a worker crashed" not in output
    assert len(workers) == 2 and not alive(workers)
    with evonas.store.run.Run.read(tmp_path / "run") as run:
        generations = run.generations()[-1].generation
    evonas.resume(tmp_path / "run", generations=generations + 1)
    whole = SearchSettings(
        proxy="naswot",
        channels=2,
        layers=3,
        population=6,
        children=6,
        batch_size=2,
        seed=5,
        generations=generations + 1,
    )
    evonas.search(whole, tmp_path / "whole")
    assert content(tmp_path / "run") == content(tmp_path / "whole")


@needs_proc
def test_a_worker_in_a_long_computation_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = "from evonas.engine import Processes; from tests.evonas.engine.functions import act\n"
    code += "with Processes(1).opened('cpu', print) as engine:\n"
    code += "    for result in engine.map(act, [('pid', None), ('sleep', 1000)], print): print(result, flush=True)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    process.kill()
    process.communicate(timeout=100)
    wait_until(lambda: not alive({worker}), 10)


def test_a_script_without_the_usual_guard_is_told_of_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from evonas.engine import Processes\nfrom tests.evonas.engine.functions import act\n"
        "with Processes(1).opened('cpu', print) as engine:\n    list(engine.map(act, [('double', 1)], print))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100, env=ENVIRONMENT)
    assert done.returncode == 1 and 'if __name__ == "__main__":' in done.stderr.splitlines()[-1]


def test_an_engine_for_trainings_has_no_time_limit() -> None:
    limited = Processes(2, time_limit=5.0)
    assert limited.patient().time_limit is None and limited.time_limit == 5.0  # type: ignore[attr-defined]
    assert limited.patient().members is not limited.members  # type: ignore[attr-defined]
