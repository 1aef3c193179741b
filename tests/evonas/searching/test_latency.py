"""``latency``: measured once for each network, stored before anything depends on it, never recomputed."""

from __future__ import annotations

import io
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.core.events import Message, Warned
from evonas.engine import InProcess
from evonas.engine.base import Lost, R, T
from evonas.reporting.overview import Overview
from evonas.searching import admission
from evonas.searching.latency import backend, backends, clock, onnx
from evonas.searching.latency.clock import Timing
from evonas.searching.latency.protocol import Protocol
from evonas.searching.measurements import Measurements
from evonas.searching.objectives import latency
from evonas.searching.objectives.named import fitness_of, several_of
from evonas.store.run import Run
from evonas.verification.finding import KEPT
from fitness import NoScore, Task, stable_hash
from fitness.base import threads
from spaces import NetworkSize, spaces
from tests.evonas.asking import ASKING
from tests.evonas.conftest import content
from tests.evonas.searching.test_every_algorithm import SMALLER

SIZE: dict[str, Any] = {"space": "nasbench201", "channels": 4, "layers": 1}
GENOTYPE = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|"
SMALL: dict[str, Any] = {**SIZE, "population": 6, "generations": 2}
KINDS: dict[str, dict[str, Any]] = {
    "objective": {"algorithm": "nsga2", "objectives": "params,-latency"},
    "alone": {"proxy": "-latency"},
    "joint": {"algorithm": "local-search", "objectives": "params,-latency", "joint": True, "generations": 8},
    "constraint": {"proxy": "params", "constraints": ["latency<=4"]},
    "both": {"algorithm": "nsga2", "objectives": "params,-latency", "constraints": ["latency<=4"]},
}


class Crash(Exception):
    """The end of a process, as it were."""


class Clock:
    """Stands for the measurement: from 1 to 7 ms by genotype, plus ``drift`` for each call so far."""

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.drift = 0.0
        self.crash_at: int | None = None

    def __call__(self, genotype: Any, task: Task, backend: Any, protocol: Protocol) -> Timing:
        if len(self.measured) == self.crash_at:
            raise Crash
        self.measured.append(str(genotype))
        median = 1 + stable_hash("latency", genotype) % 600 / 100 + self.drift * len(self.measured)
        return Timing(median, 2 * median)


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(latency, "timing", found)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    return found


def settings(kind: str = "constraint", **changes: Any) -> SearchSettings:
    return SearchSettings(**{**SMALL, **KINDS[kind], **changes})


def rows(run: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(run / "run.db")) as db:
        query = "SELECT canonical, name, value, reason, generation FROM measurements ORDER BY 5, 1, 2"
        return db.execute(query).fetchall()


@pytest.mark.parametrize("kind", list(KINDS))
def test_killed_at_any_measurement_a_search_ends_the_same_and_measures_nothing_twice(
    kind: str, clocked: Clock, tmp_path: Path
) -> None:
    evonas.search(settings(kind), tmp_path / "whole")
    expected, total = (content(tmp_path / "whole"), rows(tmp_path / "whole")), len(clocked.measured)
    assert len(set(clocked.measured)) == total == len(expected[1]) >= 10
    for stop in range(total):
        clocked.measured, clocked.crash_at, run = [], stop, tmp_path / str(stop)
        with pytest.raises(Crash):
            evonas.search(settings(kind), run)
        clocked.crash_at = None
        evonas.resume(run)
        assert (content(run), rows(run)) == expected
        assert len(set(clocked.measured)) == len(clocked.measured) == total
    assert evonas.verify(tmp_path / "whole").passed


@pytest.mark.parametrize("name", ASKING)
def test_every_algorithm_draws_the_same_from_stored_measurements(
    name: str, clocked: Clock, tmp_path: Path
) -> None:
    limited = settings(algorithm=name, options=SMALLER.get(name, {}))
    evonas.search(limited, tmp_path / "whole")
    expected, total = (content(tmp_path / "whole"), rows(tmp_path / "whole")), len(clocked.measured)
    for stop in (total // 2, total - 1):
        clocked.measured, clocked.crash_at, run = [], stop, tmp_path / str(stop)
        with pytest.raises(Crash):
            evonas.search(limited, run)
        clocked.crash_at = None
        evonas.resume(run)
        assert (content(run), rows(run)) == expected and len(clocked.measured) == total
    assert evonas.verify(tmp_path / "whole").passed


def test_killed_right_after_a_measurement_is_stored_it_is_used(
    clocked: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that drifts, another measurement of a network would be another number."""
    clocked.drift, store, kept = 0.01, Run.measured, {}

    def dying(run: Run, one: Any) -> None:
        store(run, one)
        kept[one.canonical] = one.value
        if len(kept) % 4 == 0:
            raise Crash

    monkeypatch.setattr(Run, "measured", dying)
    with pytest.raises(Crash):
        evonas.search(settings("both"), tmp_path / "run")
    while len(rows(tmp_path / "run")) == len(kept):
        with suppress(Crash):
            evonas.resume(tmp_path / "run")
            break
    assert len(kept) > 10 and {canonical: value for canonical, _, value, *_ in rows(tmp_path / "run")} == kept
    assert len(clocked.measured) == len(kept)
    monkeypatch.undo()
    assert evonas.verify(tmp_path / "run").passed


def test_a_rejected_network_is_stored_with_its_generation_and_is_no_evaluation(
    clocked: Clock, tmp_path: Path
) -> None:
    result = evonas.search(settings("alone", constraints=["latency>=3"]), tmp_path / "run")
    with Run.read(tmp_path / "run") as store:
        born = {one.key for one in store.individuals()}
        assert store.evaluated() == result.evaluations == len(born)
    rejected = [row for row in rows(tmp_path / "run") if row[0] not in born]
    assert rejected and all(row[2] < 3 for row in rejected) and {row[4] for row in rejected} <= {0, 1, 2}
    assert result.best is not None and result.best.score is not None and 3 <= result.best.score < 3.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE measurements SET value = 9 WHERE canonical = ?", "generation 1 has changed"),
        ("DELETE FROM measurements WHERE canonical = ?", "generation 1 has changed"),
        ("UPDATE measurements SET generation = 2 WHERE canonical = ?", "generation 1 has changed"),
        ("UPDATE measurements SET value = 'fast' WHERE canonical = ?", "invalid value in measurements.value"),
        ("UPDATE meta SET value = '{}' WHERE key = 'measured' AND ?", "generation 0 has changed"),
    ],
)
def test_a_changed_measurement_of_a_rejected_network_is_found(
    change: str, said: str, clocked: Clock, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    evonas.search(settings(), run)
    rejected = next(row[0] for row in rows(run) if row[2] > 4 and row[4] == 1)
    with closing(sqlite3.connect(run / "run.db")) as db, db:
        db.execute(change, (rejected if "canonical" in change else 1,))
    with pytest.raises(EvonasError, match=said):
        evonas.resume(run, generations=3)
    assert not evonas.verify(run).passed


def test_verify_asks_the_run_for_what_was_measured_and_nothing_else(clocked: Clock, tmp_path: Path) -> None:
    run = tmp_path / "run"
    evonas.search(settings("both"), run)
    clocked.crash_at = len(clocked.measured)
    found = evonas.verify(run)
    kept = [one for one in found.findings if one.status == KEPT]
    assert found.passed and [(one.name, one.detail) for one in kept] == [("latency", "measured, not recomputed")]
    assert {one.name for one in found.findings} >= {"params", "seals", "births"}
    assert [one.name for one in evonas.verify(run, 1).findings if one.part == "scores"] == ["params", "latency"]
    with closing(sqlite3.connect(run / "run.db")) as db, db:
        db.execute("DELETE FROM measurements WHERE value > 4")
    wrong = {one.name: one.detail for one in evonas.verify(run).findings if not one.passed}
    assert "which is not in run.db" in wrong["births"] and "seals" in wrong


def test_damaged_measurements_of_an_unfinished_generation_are_made_again(clocked: Clock, tmp_path: Path) -> None:
    run, said = tmp_path / "run", []
    evonas.search(settings(), tmp_path / "whole")
    last = rows(tmp_path / "whole")[-1][4]
    clocked.measured, clocked.crash_at = [], len(clocked.measured) - 1
    with pytest.raises(Crash):
        evonas.search(settings(), run)
    clocked.crash_at = None
    pending = [row for row in rows(run) if row[4] == last]
    with closing(sqlite3.connect(run / "run.db")) as db, db:
        db.execute("UPDATE measurements SET value = 2 WHERE generation = ?", (last,))
    evonas.resume(run, lambda event: said.append(event.text) if isinstance(event, Message) else None)
    assert pending and f"{len(pending)} damaged scores are recomputed" in said
    assert evonas.verify(run).passed and rows(run) == rows(tmp_path / "whole")


def test_going_back_keeps_earlier_measurements(clocked: Clock, tmp_path: Path) -> None:
    run = tmp_path / "run"
    evonas.search(settings(), run)
    expected, before = (content(run), rows(run)), len(clocked.measured)
    evonas.resume(run, from_generation=1)
    assert (content(run), rows(run)) == expected
    assert len(clocked.measured) - before == sum(row[4] == 2 for row in expected[1]) > 0


def test_a_larger_budget_repeats_a_cut_generation_with_its_measurements(clocked: Clock, tmp_path: Path) -> None:
    options: dict[str, Any] = {"generations": None, "children": 3}
    evonas.search(settings(evaluations=14, **options), tmp_path / "whole")
    clocked.measured = []
    evonas.search(settings(evaluations=8, **options), tmp_path / "run")
    evonas.resume(tmp_path / "run", evaluations=14)
    assert len(set(clocked.measured)) == len(clocked.measured)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert content(tmp_path / "run")["individuals"] == content(tmp_path / "whole")["individuals"]


def test_show_has_what_a_limit_measured_of_the_best_network(clocked: Clock, tmp_path: Path) -> None:
    for kind in ("constraint", "both"):
        result = evonas.search(settings(kind), tmp_path / kind)
        assert result.best is not None
        (value,) = (row[2] for row in rows(tmp_path / kind) if row[0] == result.best.key)
        summary, shown = evonas.summarise(tmp_path / kind), io.StringIO()
        best = summary.as_json()["best"]
        assert best.get("measured") == ({"latency": value} if kind == "constraint" else None)
        Console(file=shown, width=200).print(Overview(summary))
        assert (f" FLOPs, latency {value:.2f}" in shown.getvalue()) == (kind == "constraint")
    assert "latency (min)" in shown.getvalue()


def test_a_run_that_measures_nothing_has_the_tables_that_it_had(tmp_path: Path) -> None:
    evonas.search(settings(constraints=["flops<=1e9"], generations=0), tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "run/run.db")) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert tables == {"seals", "meta", "values", "individuals", "parents", "generations"}
        assert db.execute("SELECT count(*) FROM meta WHERE key = 'measured'").fetchone() == (0,)


def test_a_search_goes_on_only_where_it_measured(
    clocked: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, here = tmp_path / "run", f"PyTorch {torch.__version__}"
    monkeypatch.setattr(latency, "chip", lambda device: "Chip A")
    evonas.search(settings("both"), run)
    monkeypatch.setattr(latency, "chip", lambda device: "Chip B")
    assert evonas.verify(run).passed
    assert evonas.resume(run).generations == 2  # nothing is left to measure
    with pytest.raises(EvonasError) as caught:
        evonas.resume(run, generations=3)
    assert str(caught.value) == (
        f"{run} measured latency on Chip A with {here}, but this is Chip B with {here}, whose values cannot be "
        "compared with them; resume it there, or start a new run"
    )
    with pytest.raises(EvonasError, match="measured latency on Chip A"):
        evonas.resume(run, generations=3, from_generation=1)
    monkeypatch.setattr(latency, "chip", lambda device: "Chip A")
    monkeypatch.setattr(latency, "VERSION", 2)
    with pytest.raises(EvonasError, match=r"was measured with .*'runs': 50.* for 'latency', but this version"):
        evonas.resume(run, generations=3)


class Watched(InProcess):
    """Takes all items at once, as many workers would, and notes whether it has given all results."""

    computing = False

    def map(self, function: Callable[[list[T]], Iterable[R]], items: Iterable[T], lost: Lost) -> Iterator[R]:
        remaining = list(super().map(function, items, lost))
        while remaining:
            Watched.computing = len(remaining) > 1
            yield remaining.pop(0)


def test_nothing_else_computes_during_a_measurement(
    clocked: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alone(*arguments: Any) -> Timing:
        assert not Watched.computing
        return clocked(*arguments)

    monkeypatch.setattr(latency, "timing", alone)
    evonas.search(settings("objective"), tmp_path / "run", engine=Watched())
    with Run.read(tmp_path / "run") as store:
        values = {one.key: one.values for one in store.individuals()}
    measured = {canonical: value for canonical, _, value, *_ in rows(tmp_path / "run")}
    assert all(one["latency"] == measured[key] and one["params"] for key, one in values.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"proxy": "-latency:tf"}, "unknown latency backend 'tf': choose from onnx, torch"),
        ({"proxy": "latency+params"}, "unknown proxy 'latency'"),
        ({"proxy": "-latency:threads=0"}, "threads of latency must be an integer from 1 to 256, not 0"),
        ({"proxy": "-latency:batch=many"}, "batch of latency must be an integer from 1 to 65536, not 'many'"),
        ({"proxy": "-latency:onnx:statistic=mean"}, "unknown statistic of latency 'mean': did you mean median"),
        ({"proxy": "-latency:onnx:torch"}, "latency is used as latency:[BACKEND][:NAME=VALUE]... with names of"),
        (
            {"proxy": "-latency:runs=5:runs=5"},
            "latency is used as latency:[BACKEND][:NAME=VALUE]... with names of",
        ),
        ({"proxy": "-latency:format=pt2"}, "format is for latency:command, not for torch"),
        ({"objectives": "-latency:runs=50,-latency"}, "two objectives called 'latency'"),
        ({"constraints": ["latency<=0"]}, "--constraint latency<=0 admits no network, because latency is larger"),
        ({"constraints": ["latency:onnx<=-1"]}, "--constraint latency:onnx<=-1 admits no network"),
        ({"constraints": ["-latency>=3"]}, "--constraint cannot limit '-latency'; it limits croze-size, flops"),
        ({"objectives": "-latency,-latency:torch"}, "two objectives called 'latency'"),
    ],
)
def test_a_wrong_latency_is_one_message(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        evonas.search(SearchSettings(**SMALL, **options), tmp_path / "run")
    assert message in str(caught.value) and not (tmp_path / "run").exists()


@pytest.mark.parametrize("options", [{"proxy": "-latency:onnx"}, {"constraints": ["latency:onnx<=4"]}])
def test_a_missing_runtime_is_one_message(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "find_spec", lambda package: None)
    with pytest.raises(UsageError) as caught:
        evonas.search(SearchSettings(**SMALL, **options), tmp_path / "run")
    message = 'a latency by ONNX Runtime needs onnx and onnxruntime: pip install "evonas[export]"'
    assert str(caught.value) == message and not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match="needs onnx and onnxruntime"):
        evonas.score(["|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"], "latency:onnx", **SIZE)


def test_a_limit_that_nothing_satisfies_is_one_message_after_few_measurements(
    clocked: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_MEASURED", 5)
    with pytest.raises(EvonasError) as caught:
        evonas.search(settings(constraints=["latency<=0.5", "flops<=5e6"]), tmp_path / "run")
    measured = [row[2] for row in rows(tmp_path / "run")]
    assert len(measured) == len(clocked.measured) == 5
    nearest = (
        f"--constraint latency<=0.5 (smallest: {min(measured):.10g}), --constraint flops<=5000000 (smallest: "
    )
    assert "random genotypes satisfies the limits: " in str(caught.value) and nearest in str(caught.value)
    with pytest.raises(EvonasError, match="smallest: "):
        evonas.resume(tmp_path / "run")
    assert len(clocked.measured) == 5


def test_networks_that_cannot_be_measured_have_no_value_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: Any) -> Timing:
        raise NoScore("no such operator")

    monkeypatch.setattr(latency, "timing", failing)
    monkeypatch.setattr(admission, "MAX_MEASURED", 3)
    with pytest.raises(EvonasError, match=r"latency<=4 \(no genotype has a value: no such operator\)"):
        evonas.search(settings(), tmp_path / "limited")
    result = evonas.search(settings("objective", generations=0), tmp_path / "run")
    assert result.best is None and result.evaluations == 6
    with Run.read(tmp_path / "run") as store:
        assert store.failures() == 6 and {row[3] for row in rows(tmp_path / "run")} == {"no such operator"}


def test_the_progress_of_many_measurements_is_told(monkeypatch: pytest.MonkeyPatch, clocked: Clock) -> None:
    monkeypatch.setattr("evonas.searching.measurements.SAID_EVERY", 2)
    said: list[str] = []
    made = Measurements(None, None, None, int, int, said.append)  # type: ignore[arg-type]
    for value in (3.0, 1.0, None, 2.0):
        made._progress("latency", evonas.searching.measurements.Score(value))
    assert said == ["2 networks measured, latency from 1 to 3", "2 networks measured, latency from 1 to 3"]


@pytest.mark.parametrize("name", list(spaces))
@pytest.mark.parametrize("by", list(backends))
def test_every_backend_measures_every_space_on_one_thread(name: str, by: str, clocked: Clock) -> None:
    for package in backends[by].packages:
        pytest.importorskip(package)
    space = spaces[name]
    task, seen = Task(space, NetworkSize(4, 3, 10, 16)), []

    class Noted(type(backends[by])):  # type: ignore[misc]
        def prepared(self, network: torch.nn.Module, image: torch.Tensor) -> Callable[[], object]:
            assert not network.training and image.shape == (1, 3, 16, 16)
            call = super().prepared(network, image)
            expected, found = network(image), call()
            found = torch.as_tensor(found[0]) if isinstance(found, list) else found
            assert torch.allclose(found, expected, atol=1e-4)
            return lambda: seen.append(torch.get_num_threads()) or call()

    with threads(2):
        found = clock.timing(space.random(np.random.default_rng(1)), task, Noted(), Protocol(warmup=3, runs=4))
        assert 0 < found.median <= found.p95
        assert seen == [1] * 7 and torch.get_num_threads() == 2


def test_latency_is_scored_like_a_proxy_and_is_the_median(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([5.0] * 20 + [0.004] * 15 + [1.0] * 15)
    monkeypatch.setattr(clock, "_seconds", lambda call, device: next(times))
    (row,) = evonas.score([GENOTYPE], "latency:torch", **SIZE)
    assert row.scores == {"latency": 1000.0} and row.seconds > 0
    assert fitness_of("latency:torch") == fitness_of("latency:") == fitness_of("latency")
    assert fitness_of("-latency:onnx").text == "-latency:onnx"
    assert [one.measured for one in several_of("params,-latency").parts] == [False, True]


def test_settings_have_a_normal_form_and_are_part_of_the_identity() -> None:
    for text, normal in (
        ("latency:batch=1", "latency"),
        ("-latency:onnx:runs=7:batch=16", "-latency:onnx:batch=16:runs=7"),
        ("latency:threads=2", "latency:torch:threads=2"),
        ("latency:command:format=onnx:statistic=p95", "latency:command:statistic=p95"),
    ):
        assert fitness_of(text).text == fitness_of(normal).text == normal
    how = {"version": 1, "backend": "torch", "batch": 1, "warmup": 10, "runs": 50, "threads": 1}
    assert json.dumps(fitness_of("latency").identity()) == json.dumps({"latency": how})
    slow = fitness_of("latency:onnx:batch=16:statistic=p95")
    assert slow.identity() == {slow.text: {**how, "backend": "onnx", "batch": 16, "statistic": "p95"}}
    assert fitness_of("latency:threads=256").check(spaces["darts"])[0].startswith("latency:torch:threads=256 has")
    assert Protocol.parse("onnx:batch=16:threads=2").column == "latency_ms.onnx.batch16.threads2"


def test_the_95th_percentile_of_a_batch_is_a_value(clocked: Clock) -> None:
    (row,) = evonas.score([GENOTYPE], ["latency:batch=3", "latency:batch=3:statistic=p95"], **SIZE)
    median, slow = row.scores.values()
    assert median is not None and slow == 2 * median


def test_a_batch_beyond_the_memory_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "free", lambda device: 2**20)
    with pytest.raises(
        EvonasError, match="a latency with batch=64 needs more than 2 MB of memory, and 1 MB is free"
    ):
        evonas.score([GENOTYPE], "latency:batch=64", **SIZE)
    assert evonas.score([GENOTYPE], "latency:batch=2:runs=1:warmup=0", **SIZE)[0].reasons == {}


def test_a_network_that_cannot_be_exported_has_no_value_but_a_lack_of_memory_ends_the_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("onnxruntime")
    error: Exception = ValueError("no operator\nand more")

    def failing(*arguments: Any) -> bytes:
        raise error

    monkeypatch.setattr(onnx, "exported", failing)
    (row,) = evonas.score([GENOTYPE], "latency:onnx", **SIZE)
    assert row.reasons == {"latency:onnx": "ONNX Runtime cannot run the network: no operator"}
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory")
    with pytest.raises(EvonasError, match="scoring failed on cpu: DefaultCPUAllocator"):
        evonas.score([GENOTYPE], "latency:onnx", **SIZE)


def test_a_busy_machine_and_a_maximised_latency_are_warned_of(
    clocked: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    for load, proxy, expected in (
        (3.9, "-latency", []),
        (4.0, "-latency", ["other programs are running (load 4.0 on 4 cores): latency will differ"]),
        (0.0, "latency", ["latency is maximised, so the slowest network wins; write -latency for the fastest"]),
        (9.0, "params", []),
    ):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0, 0))
        said: list[str] = []
        evonas.search(
            SearchSettings(**{**SMALL, "proxy": proxy, "generations": 0}),
            tmp_path / f"{load}{proxy}",
            lambda event, said=said: said.append(event.text) if isinstance(event, Warned) else None,
        )
        assert len(said) == len(expected) and all(map(str.startswith, said, expected))
