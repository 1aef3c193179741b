"""How many calls and bytes a population costs on a GPU, and how much memory: counted without one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fitness.population import kernels, memory
from fitness.population.joint import launches
from fitness.population.plan import Plan, plan
from spaces import NetworkSize, spaces
from tests.fitness.population.counted import Counted, counted

darts = spaces["darts"]
IMAGES = 8


def population(networks: int, channels: int, layers: int, **size: Any) -> Plan:
    rng = np.random.default_rng(0)
    given = [darts.canonical(darts.random(rng)) for _ in range(networks)]
    return plan(given, NetworkSize(channels, layers, **size))


def check(of: Plan, calls: int, gigabytes: float) -> Counted:
    """At most ``calls`` and ``gigabytes`` per network, none of many kernels, expected memory.

    The first two if PyTorch has the kernel that they count on.
    """
    found = counted(of, IMAGES)
    assert found.calls <= calls or kernels.DEPTHWISE is None, found.by_name.most_common()
    assert found.bytes <= gigabytes * 1e9 * of.networks or kernels.DEPTHWISE is None, found.bytes
    assert not any("im2col" in name for name in found.by_name)  # a kernel for each image
    assert found.by_name["aten.index_put_.default"] <= 3  # of the loss, in each pass
    rows = [source.rows for cell in of.cells if cell is not None for source in cell.inputs if source.rows]
    assert all(len(set(own)) == len(own) for own in rows)  # they are added atomically
    predicted = memory.needed(of, IMAGES, 4, norm=False, joint=True)
    assert 0.9 * found.peak <= predicted <= 1.5 * found.peak
    return found


def test_calls_of_a_small_population_stay_within_their_budget() -> None:
    check(population(4, 4, 3), 2300, 0.3)


def test_calls_of_a_small_population_by_kernels_of_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(launches.VARIABLE, "1")
    check(population(4, 4, 3), 850, 0.22)


def test_a_second_stem_costs_few_calls() -> None:
    check(population(4, 4, 1, image_size=40, stem="imagenet"), 1250, 0.016)


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "more"), [(4, 1), (36, 9.4)])
@pytest.mark.parametrize(
    ("networks", "calls", "gigabytes"), [(1, 7000, 1.6), (16, 11_000, 1.35), (64, 12_000, 1.37)]
)
def test_calls_of_a_population_at_the_size_of_a_search_stay_within_their_budget(
    networks: int, calls: int, gigabytes: float, channels: int, more: float
) -> None:
    check(population(networks, channels, 20), calls, gigabytes * more)


@pytest.mark.slow
def test_calls_by_kernels_of_triton_stay_within_their_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(launches.VARIABLE, "1")
    check(population(64, 4, 20), 3900, 0.98)
