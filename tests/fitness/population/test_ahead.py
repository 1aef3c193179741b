"""Weights drawn while the population before them is scored."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from evonas.engine.scores import networks_per_call
from fitness import Populations, Task, score_all
from fitness.population import ahead, memory, shared
from fitness.population.ahead import Ahead, weights_of
from fitness.population.plan import Plan, plan
from fitness.population.weights import Drawing
from spaces import spaces
from tests.fitness.conftest import Tasks
from tests.fitness.population.test_population import genotypes
from tests.pretended import card

darts = spaces["darts"]
NAMES = ["naswot", "synflow"]  # two passes, the cheapest ones


@pytest.fixture
def task(make_task: Tasks) -> Task:
    return make_task(darts, 2, 3, n=2, side=8, dtype=torch.float32)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """The seed of every network that is drawn, and the name of its thread."""
    found: list[tuple[int, str]] = []
    fill = Drawing.fill

    def watched(self: Drawing, network: int) -> None:
        found.append((self.seeds[network], threading.current_thread().name))
        fill(self, network)

    monkeypatch.setattr(Drawing, "fill", watched)
    return found


def some(count: int = 6) -> list[Any]:
    return genotypes(count, seed=1)[3:]


def scored(given: Any, task: Task, **options: Any) -> Iterator[list[float | None]]:
    task = dataclasses.replace(task, populations=Populations(2, 1e12, **options))
    return ([score.value for score in found.values()] for found in score_all(given, NAMES, task))


def threads() -> int:
    return sum(thread.name.startswith("weights") for thread in threading.enumerate())


def test_every_population_but_the_first_is_drawn_ahead_with_the_same_bits(
    task: Task, drawn: list[tuple[int, str]]
) -> None:
    expected = list(scored(some(), task))
    in_order = [seed for seed, _ in drawn]
    assert {name for _, name in drawn} == {"MainThread"}
    drawn.clear()
    assert list(scored(some(), task, ahead=True)) == expected
    assert sorted(seed for seed, _ in drawn) == sorted(in_order)  # none twice
    assert [seed for seed, name in drawn if name == "MainThread"] == in_order[:2]
    assert threads() == 0


def test_at_most_one_population_is_ahead(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, events, begin = [], list[str](), Ahead.begin
    given = (taken.append(one) or one for one in some())

    def begun(self: Ahead, population: Plan) -> None:
        events.append("begin")
        begin(self, population)

    def used(self: Ahead, population: Plan) -> Any:
        events.append("use")
        assert len(taken) <= 4
        return weights_of(population, task)

    monkeypatch.setattr(Ahead, "begin", begun)
    monkeypatch.setattr(Ahead, "weights", used)
    next(scored(given, task, ahead=True))
    assert len(taken) == 4 and events == ["use", "begin"] * 2  # of each pass


def test_an_error_in_a_thread_is_raised_where_its_population_is_scored(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill, wrong = Drawing.fill, darts.canonical(some()[3])

    def failing(self: Drawing, network: int) -> None:
        if self.plan.genotypes[network] == wrong and self.plan.networks > 1:
            raise error
        fill(self, network)

    monkeypatch.setattr(Drawing, "fill", failing)
    error: Exception = RuntimeError("the generator is broken")
    found = scored(some(), task, ahead=True)
    assert len([next(found), next(found)]) == 2
    with pytest.raises(RuntimeError, match="the generator is broken"):
        next(found)
    assert threads() == 0
    expected, error = list(scored(some()[:3] + some()[4:], task)), MemoryError()
    with pytest.warns(RuntimeWarning, match="continuing with 1 at once"):
        found = list(scored(some(), task, ahead=True))
    assert found[:3] + found[4:] == expected


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_is_drawn_ahead_ends_with_its_search(
    task: Task, interrupted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not interrupted:
        found = scored(some(), task, ahead=True)
        next(found)
        assert threads() > 0
        del found
    else:

        def interrupt(*_: Any) -> Any:
            assert threads() > 0
            raise KeyboardInterrupt

        monkeypatch.setitem(shared.PASSES, "naswot", shared.AGREEMENT._replace(many=interrupt))
        with pytest.raises(KeyboardInterrupt):
            list(scored(some(), task, ahead=True))
    assert threads() == 0


def test_without_room_on_the_host_weights_are_drawn_when_they_are_needed(
    task: Task, drawn: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    population = plan([darts.canonical(one) for one in some(2)], task.size)
    held = weights_of(population, task)
    assert memory.drawn(population) == 4 * (sum(one.numel() for one in held.stacks) + held.bias.numel())
    drawn.clear()
    room = int(memory.drawn(population) / ahead.HOST_SHARE)
    for free, in_threads in ((room + 100, True), (room - 100, False)):
        monkeypatch.setattr(memory, "free", lambda device, free=free: free)
        one = Ahead(task)
        one.begin(population)
        one.weights(population)
        one.close()
        assert [name.startswith("weights") for _, name in drawn] == [in_threads] * 2
        drawn.clear()


def test_a_population_that_does_not_fit_drops_what_was_drawn_ahead(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = list(scored(some(), task))
    many = shared.AGREEMENT.many

    def full(population: Plan, *rest: Any) -> Any:
        if population.networks > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return many(population, *rest)

    monkeypatch.setitem(shared.PASSES, "naswot", shared.AGREEMENT._replace(many=full))
    with pytest.warns(RuntimeWarning, match="continuing with 1 at once"):
        assert list(scored(some(), task, ahead=True)) == expected


def test_a_gpu_draws_ahead_and_a_cpu_does_not(task: Task, drawn: list[tuple[int, str]]) -> None:
    given = dataclasses.replace(task, populations=Populations(2, 1e12))
    assert not given.draws_ahead and networks_per_call(given) == 2
    with card():
        there = dataclasses.replace(given, device="cuda")
        each = [dataclasses.replace(there, populations=Populations(count)) for count in (1, 2, 16, 64, 200)]
        assert there.draws_ahead and [*map(networks_per_call, each)] == [16, 32, 256, 256, 400]
        list(score_all(some(4), ["synflow"], there))
    names = [name.rpartition("_")[0] for _, name in drawn]
    assert sorted(names)[2:] == ["weights"] * 2 and len(names) == 4
    assert not dataclasses.replace(there, populations=None).draws_ahead
