"""Engines by name, the choice that auto makes, and what the command line says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas import SearchSettings, UsageError
from evonas.core.events import Event, Listener, Message
from evonas.engine import Engine, InProcess, Processes, auto, engines, machine, make
from evonas.engine.auto import Auto
from evonas.searching.events import SearchStarted
from tests.evonas.cli.test_cli import run
from tests.evonas.conftest import content

Tiny = Callable[..., SearchSettings]
TINY = ["--proxy", "params", "--channels", "2", "--layers", "3", "--population", "4", "--generations", "1"]


def test_every_engine_has_a_name() -> None:
    assert list(engines) == ["auto", "in-process", "processes", "ray"]
    assert isinstance(make("in-process"), InProcess) and isinstance(make(), Auto)
    assert isinstance(make("processes", 3), Processes)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--engine", "process"], "unknown engine 'process': did you mean processes"),
        (["--engine", "in-process", "--workers", "2"], "--engine processes"),
        (["--workers", "0"], "--workers must be"),
        (["--ray-address", "auto"], "--ray-address needs --engine ray"),
    ],
)
@pytest.mark.parametrize(
    "command", [["search"], ["resume", "run"], ["correlate", "table.csv"], ["benchmark", "table.csv"]]
)
def test_an_engine_that_does_not_exist_is_one_message_and_nothing_begins(
    command: list[str], arguments: list[str], expected: str, tmp_path: Path
) -> None:
    done = run(*command, *arguments, cwd=tmp_path)
    assert done.returncode == 2 and expected in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_ray_that_is_not_installed_is_one_message_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evonas.engine.ray_cluster.find_spec", lambda name: None)
    done = run("search", *TINY, "--no-final", "--engine", "ray", "--run", "run", cwd=tmp_path)
    assert done.returncode == 2 and 'pip install "evonas[ray]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not list(tmp_path.iterdir())


def test_a_run_says_where_it_is_computed(tmp_path: Path) -> None:
    done = run("search", *TINY, "--no-final", "--engine", "in-process", "--run", "run", cwd=tmp_path)
    assert "computed by: this process" in done.stdout
    assert "computed by: this process" in (tmp_path / "run" / "run.log").read_text()


def test_a_resume_may_change_the_engine(tiny: Tiny, tmp_path: Path) -> None:
    class Elsewhere(InProcess):
        description = "elsewhere"

    class Where(Listener):
        def started(self, event: SearchStarted) -> None:
            self.engine = event.engine

    evonas.search(tiny(generations=4), tmp_path / "whole")
    evonas.search(tiny(generations=2), tmp_path / "run", engine=make("in-process"))
    where = Where()
    evonas.resume(tmp_path / "run", where, Elsewhere(), generations=4)
    assert where.engine == "elsewhere" and content(tmp_path / "run") == content(tmp_path / "whole")


@pytest.mark.usefixtures("warm_workers")
def test_auto_hands_a_search_over_to_worker_processes(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evonas.search(tiny(generations=2), tmp_path / "whole", engine=make("in-process"))
    monkeypatch.setattr(auto, "START_SECONDS", 0.0)
    monkeypatch.setattr(auto, "MIN_SECONDS", 0.0)
    news: list[Event] = []
    evonas.search(tiny(generations=2), tmp_path / "run", news.append, make("auto", 2))
    assert [event for event in news if isinstance(event, Message) and "switching to 2 worker" in event.text]
    assert content(tmp_path / "run") == content(tmp_path / "whole")


class Imagined(InProcess):
    """Stands for worker processes."""

    def __init__(self, count: int | None) -> None:
        self.count = count
        self.items: list[Any] = []

    @contextmanager
    def opened(self, device: str, announce: Callable[[str], object]) -> Iterator[Engine]:
        self.device = device
        yield self

    def map(self, function: Any, items: Iterable[Any], lost: Any, arrived: Any = None) -> Iterator[Any]:
        def noted() -> Iterator[Any]:
            for item in items:
                self.items.append(item)
                yield item

        yield from super().map(function, noted(), lost)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that auto sees; four cores, and workers that are only imagined."""
    now = [0.0]
    monkeypatch.setattr(auto.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(auto, "cores", lambda: 4)
    monkeypatch.setattr(auto, "available_memory", lambda: 10**12)
    monkeypatch.setattr(auto, "Processes", Imagined)
    return now


def scored(engine: Engine, clock: list[float], seconds: float, n: int, device: str = "cpu") -> list[str]:
    """Maps n items that take so many seconds each; what auto has to say about it."""

    def works(items: list[int]) -> list[int]:
        clock[0] += seconds
        return items

    news: list[str] = []
    with engine.opened(device, news.append):
        assert list(engine.map(works, range(n), print)) == list(range(n))
        assert list(engine.map(works, range(n), print)) == list(range(n))
    return news


def test_auto_goes_on_in_workers_after_five_seconds_of_scoring(clock: list[float]) -> None:
    engine = Auto()
    assert scored(engine, clock, 1.0, 8) == ["1 s per score: switching to 4 worker processes"]
    assert engine._workers.items == [5, 6, 7, *range(8)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("seconds", "n"), [(1.0, 2), (0.001, 10_000)], ids=["little work", "tiny scores"])
def test_auto_stays_in_this_process_where_workers_do_not_pay(clock: list[float], seconds: float, n: int) -> None:
    engine = Auto()
    assert scored(engine, clock, seconds, n) == [] and engine._workers is None


def test_auto_stays_in_this_process_on_one_core_and_on_a_gpu(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scored(Auto(), clock, 9.0, 8, "cuda:0") == []
    assert scored(Auto(1), clock, 9.0, 8) == []
    monkeypatch.setattr(auto, "cores", lambda: 1)
    engine = Auto()
    assert scored(engine, clock, 9.0, 8) == [] and engine.description == "this process"


def test_auto_uses_several_gpus_from_the_beginning(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "_gpus", lambda: 3)
    engine = Auto()
    assert scored(engine, clock, 9.0, 4, "cuda") == []
    assert engine._workers.count == 3 and engine._workers.items == [*range(4), *range(4)]  # type: ignore[attr-defined]


def test_auto_starts_only_as_many_workers_as_memory_has_room_for(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "peak_memory", lambda device: 10)
    monkeypatch.setattr(auto, "available_memory", lambda: 35)
    assert scored(Auto(), clock, 6.0, 2) == ["6 s per score: switching to 3 worker processes"]
    news: list[str] = []
    with Auto().opened("cpu", news.append) as engine:
        engine.expect(4.0, 1)  # one item is computed here
        engine.expect(2.0, 2)  # and so are those that do not pay off
        assert news == []
        engine.expect(60.0, 5)
    assert news == ["60 s per item: switching to 3 worker processes"]
    monkeypatch.setattr(auto, "available_memory", lambda: 15)
    assert scored(Auto(), clock, 6.0, 3) == [
        "6 s per score, but only one process fits in memory: scoring in this process"
    ]


def test_cores_are_those_of_the_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "QUOTA", tmp_path / "cpu.max")
    assert machine.cores() == 8
    for text, expected in (("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("9900000 100000", 8)):
        machine.QUOTA.write_text(text + "\n")
        assert machine.cores() == expected


def test_available_memory_is_read_from_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "meminfo")
    assert machine.available_memory() is None
    machine.MEMORY.write_text("MemTotal:       25000000 kB\nMemAvailable:   2000000 kB\n")
    assert machine.available_memory() == 2_000_000 * 1024


def test_a_worker_count_of_a_search_is_checked_in_python_too() -> None:
    with pytest.raises(UsageError, match="--workers must be an integer from 1"):
        Processes(0)
