"""Populations of networks with the stem "imagenet": against the loop, in other company, and their memory."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from fitness import Populations, Task, score_all
from fitness.population import shared
from fitness.population.ahead import weights_of
from fitness.population.plan import plan
from spaces import spaces
from tests.fitness.conftest import Tasks
from tests.fitness.population.peak import Peak
from tests.fitness.population.test_population import DEVICES, TOLERANCE

darts = spaces["darts"]
CELL = "('sep_conv_3x3', 0), ('skip_connect', 0), ('max_pool_3x3', 0), ('dil_conv_3x3', 2)"
FIRST_ALONE = f"Genotype(normal=[{CELL}], normal_concat=[2, 3], reduce=[{CELL}], reduce_concat=[2, 3])"
NAMES = list(shared.PASSES)


def some() -> list[Any]:
    """Two of one width, a narrower one, and one whose cells never read the second stem."""
    rng = np.random.default_rng(3)
    wide = [darts.canonical(darts.random(rng)) for _ in range(2)]
    narrow = dataclasses.replace(wide[0], normal_concat=(4, 5), reduce_concat=(3, 4, 5))
    return [*wide, darts.canonical(narrow), darts.parse(FIRST_ALONE)]


def stemmed(task: Task, networks: int | None = None) -> Task:
    populations = Populations(networks, 1e12) if networks else None
    return dataclasses.replace(task, size=dataclasses.replace(task.size, stem="imagenet"), populations=populations)


def scored(given: list[Any], task: Task) -> list[dict[str, float | None]]:
    return [{name: score.value for name, score in found.items()} for found in score_all(given, NAMES, task)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("dtype", "channels", "layers", "side"),
    [(torch.float64, 3, 2, 35), (torch.float64, 4, 1, 34), (torch.float32, 4, 3, 40)],
    ids=str,
)
def test_population_equals_the_loop(
    make_task: Tasks, device: str, dtype: torch.dtype, channels: int, layers: int, side: int
) -> None:
    task = dataclasses.replace(make_task(darts, channels, layers, n=2, side=side, dtype=dtype), device=device)
    given = some()
    for found, alone in zip(scored(given, stemmed(task, 8)), scored(given, stemmed(task)), strict=True):
        assert None not in alone.values() and found != alone  # of sums in another order
        assert found.pop("plain") == pytest.approx(
            alone.pop("plain"), rel=TOLERANCE[dtype], abs=TOLERANCE[dtype] * alone["snip"]
        )
        assert found == pytest.approx(alone, rel=TOLERANCE[dtype], abs=0)


def test_score_does_not_depend_on_the_company(make_task: Tasks) -> None:
    given, task = some(), make_task(darts, 8, 1, n=2, side=37, dtype=torch.float32)
    assert scored(given[::-1], stemmed(task, 2))[::-1] == scored(given, stemmed(task, 4))


@pytest.mark.parametrize("one", [shared.CROZE, shared.FIRST_ORDER, shared.AGREEMENT, shared.FLOW])
def test_mixed_widths_and_stems_that_are_dead_in_some_are_exact(make_task: Tasks, one: shared.SharedPass) -> None:
    given, task = some(), stemmed(make_task(darts, 4, 3, n=2, side=33))
    population = plan(given, task.size)
    assert [len(stage.networks) for stage in population.stages[:2]] == [4, 3]
    for genotype, found in zip(given, one.many(population, task, weights_of(population, task)), strict=True):
        expected = torch.as_tensor(one.one(genotype, task))
        torch.testing.assert_close(torch.as_tensor(found).to(expected), expected, rtol=1e-10, atol=1e-10)


def test_prediction_of_memory_covers_the_peak(make_task: Tasks) -> None:
    task = stemmed(make_task(darts, 4, 2, n=4, side=64, dtype=torch.float32))
    population = plan(some()[:3], task.size)
    for one in (shared.CROZE, shared.FIRST_ORDER):
        with Peak() as peak:
            one.many(population, task, weights_of(population, task))
        assert 0.9 * peak.peak <= one.needed(population, task) <= 2 * peak.peak


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_networks_that_never_read_the_output_before_are_a_population(make_task: Tasks, stem: str) -> None:
    task = make_task(darts, 4, 2, n=2, side=34)
    task = dataclasses.replace(task, size=dataclasses.replace(task.size, stem=stem))
    together = dataclasses.replace(task, populations=Populations(2, 1e12))
    given = [darts.parse(FIRST_ALONE)]
    assert scored(given, together) == [pytest.approx(one, rel=1e-10) for one in scored(given, task)]
