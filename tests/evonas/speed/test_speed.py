"""`evonas bench`: what it counts is what was done, and what it reports is what it measured."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from evonas import SearchSettings, UsageError
from evonas.cli.app import app
from evonas.speed import measure
from evonas.speed.clock import Timing, alternate
from evonas.speed.memory import Peak, resident
from evonas.speed.oracle import difference
from evonas.speed.roofline import Roofline, Work, counted, roofline
from evonas.speed.scoring import ways_of
from evonas.speed.training import step_of, training
from evonas.speed.versions import driver
from fitness import Score, Task
from spaces import NetworkSize, spaces
from spaces.nasbench201.genotype import EXAMPLE

TINY = SearchSettings(space="nasbench201", channels=2, layers=1, proxy="snip", dataset="digits", batch_size=2)


def test_bytes_and_flops_are_those_of_the_operations() -> None:
    a, b = torch.rand(3, 5), torch.rand(5, 7)
    with counted() as found:
        (a @ b).relu()
        a.view(15)
    assert found == [Work(4 * (15 + 35 + 21) + 4 * (21 + 21), 2 * 3 * 5 * 7)]


def test_gradients_are_counted_too() -> None:
    weight = torch.rand(4, 3, 1, 1, requires_grad=True)
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    with counted() as found:
        torch.autograd.grad(torch.conv2d(x, weight).sum(), [weight, x])
    assert found[0].flops == 3 * (2 * 4 * 3 * 2 * 8 * 8)


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_gradients_of_a_grouped_convolution_cost_what_its_forward_pass_costs(groups: int) -> None:
    weight = torch.rand(6, 6 // groups, 3, 3, requires_grad=True)
    x = torch.rand(2, 6, 8, 8, requires_grad=True)
    with counted() as found:
        torch.autograd.grad(torch.conv2d(x, weight, padding=1, groups=groups).sum(), [weight, x])
    assert found[0].flops == 3 * (2 * (6 * 8 * 8 * 2) * (6 // groups * 9))


def test_gradients_of_a_transposed_convolution_are_counted() -> None:
    weight = torch.rand(4, 3, 2, 2, requires_grad=True)
    x = torch.rand(2, 4, 8, 8, requires_grad=True)
    with counted() as found:
        torch.autograd.grad(torch.conv_transpose2d(x, weight, stride=2).sum(), [weight, x])
    assert found[0].flops == 3 * (2 * x.numel() * 3 * 4)


def test_least_time_is_that_of_the_scarcer_resource() -> None:
    limits = Roofline(bytes_per_second=100.0, flops_per_second=1000.0)
    assert limits.seconds(Work(bytes=200, flops=1000)) == 2.0
    assert limits.seconds(Work(bytes=50, flops=1000)) == 1.0


def test_limits_of_this_machine_are_plausible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonas.speed.roofline.COPIED", {"cpu": 2**24, "cuda": 2**24})
    monkeypatch.setattr("evonas.speed.roofline.WIDTH", {"cpu": 128, "cuda": 128})
    limits = roofline("cpu")
    assert 1e8 < limits.bytes_per_second < 1e13 and 1e7 < limits.flops_per_second < 1e14
    assert torch.get_num_threads() >= 1


def test_calls_take_turns() -> None:
    order: list[str] = []
    timings = alternate([lambda: order.append("a"), lambda: order.append("b")], 3, "cpu")
    assert order == ["a", "b"] * 3 and [len(timing.seconds) for timing in timings] == [3, 3]
    assert Timing((3.0, 1.0, 2.0)).median == 2.0


@pytest.mark.usefixtures("warm_workers")
def test_every_engine_and_the_training_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonas.speed.roofline.COPIED", {"cpu": 2**24})
    monkeypatch.setattr("evonas.speed.roofline.WIDTH", {"cpu": 128})
    monkeypatch.setattr(torch, "compile", lambda network, **options: torch.nn.Sequential(network))
    measured = measure(
        TINY,
        engines=["in-process", "processes"],
        workers=1,
        architectures=2,
        rounds=2,
        train_batch=2,
        compile=True,
    )
    scored, (trained, compiled) = measured.rows[:2], measured.rows[2:]
    assert compiled.how == "training, batch 2, compiled" and compiled.what == "train" and compiled.seconds > 0
    assert measured.compiling is not None and measured.failure is None and compiled.ratio != 1
    assert all(row.difference is not None and 0 < row.difference < 1e-3 for row in scored)
    assert [(row.kernel, row.layout) for row in measured.kernels] == [
        (kernel, layout) for kernel in ("3x3", "5x5 dilated") for layout in ("contiguous", "channels last")
    ]
    assert [row.engine for row in scored] == ["in-process", "processes"]
    assert scored[0].ratio == 1.0 and scored[0].fraction is not None and scored[1].fraction is None
    for row in measured.rows:
        assert row.fastest <= row.seconds <= row.slowest and row.per_second == pytest.approx(1 / row.seconds)
    assert trained.what == "train" and trained.how == "training, batch 2" and measured.work.flops > 0
    json.dumps(measured.as_json(), allow_nan=False)


def test_passes_of_several_networks_stand_beside_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonas.speed.roofline.COPIED", {"cpu": 2**24})
    monkeypatch.setattr("evonas.speed.roofline.WIDTH", {"cpu": 128})
    settings = SearchSettings(channels=4, layers=3, dataset="digits", batch_size=2, device="cpu")
    measured = measure(settings, engines=["in-process"], architectures=3, rounds=1, train_batch=0)
    assert [(row.engine, row.networks) for row in measured.rows] == [("in-process", 1), ("in-process", 3)]
    assert measured.rows[1].how == "this process, 3 at once"
    if sys.platform == "linux":
        assert all(row.memory is not None and row.memory > 2**26 for row in measured.rows)


def test_a_network_that_cannot_be_compiled_is_measured_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(network: torch.nn.Module, **options: object) -> torch.nn.Module:
        return torch.nn.Sequential(network, torch.nn.Linear(1, 1))

    monkeypatch.setattr(torch, "compile", broken)
    space = spaces["nasbench201"]
    task = Task(space=space, size=NetworkSize(2, 1, 10, 8), seed=0, device="cpu")
    found = training(space.parse(EXAMPLE), task, 2, 1, Roofline(1.0, 1.0), compile=True)
    assert [row.how for row in found.rows] == ["training, batch 2"]
    assert found.failure is not None and found.failure.startswith("torch.compile failed (mat1 and mat2")


def test_differences_are_relative_and_only_of_scores_that_are_there() -> None:
    found = [{"a": Score(1.1), "b": Score(None, "none")}, {"a": Score(4.0)}, {"a": Score(9.0)}]
    expected = [{"a": Score(1.0), "b": Score(1.0)}, {"a": Score(5.0)}]
    assert difference(found, expected) == pytest.approx(0.2)
    assert difference(found, []) is None and difference([{"a": Score(0.5)}], [{"a": Score(0.0)}]) == 0.5


def test_the_driver_is_read_where_linux_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "version"
    monkeypatch.setattr("evonas.speed.versions.DRIVER", file)
    assert driver() is None
    file.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\nGCC version: 12\n")
    assert driver() == "535.104.05"


def test_a_gpu_is_measured_with_the_networks_of_a_search_and_fewer() -> None:
    settings = SearchSettings(device="cuda", batch_networks=64)
    alone = [("in-process", 1, True), ("in-process", 1, False)]
    for count, most, expected in ((64, 64, [64, 16]), (96, 96, [96, 64, 16]), (2, 64, [2]), (8, 10, [8])):
        ways = ways_of(["in-process"], None, count, replace(settings, batch_networks=most))
        assert ways == [*(("in-process", networks, True) for networks in expected), *alone]
    counts = [way.architectures(256, "cuda") for way in ways_of(["in-process"], None, 256, settings)]
    assert counts == [256, 64, 8, 8] and ways[0].architectures(4, "cpu") == 4


def test_ways_are_every_engine_and_then_every_other_number_of_networks() -> None:
    darts, other = SearchSettings(), SearchSettings(space="nasbench201")
    assert ways_of(["processes", "ray"], [4, 1, 4], 8, darts) == [
        *(("processes", 4, True), ("ray", 4, True), ("in-process", 1, False)),
    ]
    assert (
        ways_of(["in-process"], None, 1, darts)
        == ways_of(["in-process"], None, 8, other)
        == [("in-process", 1, False)]
    )
    for networks, settings in (([0], darts), ([9], darts), ([2], other)):
        with pytest.raises(UsageError, match="--batch-networks"):
            ways_of(["in-process"], networks, 8, settings)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process holds")
def test_peak_is_the_most_at_any_moment() -> None:
    samples = threading.Semaphore(0)

    def processes() -> list[int]:
        samples.release()
        return [os.getpid(), 2**30]  # no process has that number

    with Peak("cpu", processes) as peak:
        before = resident(os.getpid())
        held = torch.ones(2**26)  # 256 MiB
        while samples.acquire(blocking=False):
            pass
        assert all(samples.acquire(timeout=60) for _ in range(2))  # the second begins after the first was read
        del held
    assert peak.bytes is not None and before is not None
    assert 2**27 < peak.bytes - before < 2**29


@pytest.mark.parametrize(
    "wrong", [{"architectures": 0}, {"rounds": 0}, {"engines": []}, {"engines": ["proceses"]}]
)
def test_what_cannot_be_measured_is_one_message(wrong: dict) -> None:
    with pytest.raises(UsageError):
        measure(TINY, **{"engines": ["in-process"], "train_batch": 0, **wrong})


def test_command_prints_a_table_or_json_alone() -> None:
    options = "--space nasbench201 --channels 2 --layers 1 --proxy snip --engine in-process --architectures 1"
    command = ["bench", *options.split(), "--rounds", "1", "--train-batch", "2"]
    table = CliRunner().invoke(app, command)
    assert table.exit_code == 0 and "memory: peak" in table.stdout and "img" in table.stdout
    assert "channels last" in table.stdout and "bfloat16" not in table.stdout
    document = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert {"limits", "work", "rows", "device", "kernels", "versions", "compiling"} <= document.keys()
    assert {"networks", "memory"} <= document["rows"][0].keys()
    wrong = CliRunner().invoke(app, [*command, "--batch-networks", "1,many"])
    assert isinstance(wrong.exception, UsageError) and "numbers separated by commas" in str(wrong.exception)


def test_a_training_step_is_in_float32_whatever_scores_are_computed_in() -> None:
    space = spaces["darts"]
    task = Task(space=space, size=NetworkSize(2, 3, 10, 16), seed=0, device="cpu", dtype=torch.float64)
    step_of(space.parse("DARTS_V2"), task, 2)()
