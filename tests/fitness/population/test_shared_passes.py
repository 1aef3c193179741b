"""The proxies besides croze whose passes a population shares: against the loop, and in other company."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from fitness import Populations, Task, proxies, score_all
from fitness.population import memory, shared
from fitness.population.ahead import weights_of
from fitness.population.plan import plan
from spaces import spaces
from tests.fitness.conftest import Tasks
from tests.fitness.population.peak import Peak
from tests.fitness.population.test_population import DEVICES, TOLERANCE, genotypes, held

darts = spaces["darts"]
NAMES = ["grad-norm", "snip", "plain", "fisher", "naswot", "synflow"]


def scored(given: list[Any], task: Task, networks: int | None = None) -> list[dict[str, float | None]]:
    task = dataclasses.replace(task, populations=Populations(networks, 1e12) if networks else None)
    return [{name: score.value for name, score in found.items()} for found in score_all(given, NAMES, task)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "layers"), [(torch.float64, 3), (torch.float32, 5)], ids=str)
def test_population_equals_the_loop(make_task: Tasks, device: str, dtype: torch.dtype, layers: int) -> None:
    task = dataclasses.replace(make_task(darts, 4, layers, side=8, dtype=dtype), device=device)
    given = genotypes(2)
    for found, alone in zip(scored(given, task, 8), scored(given, task), strict=True):
        assert None not in alone.values()
        assert found.pop("plain") == pytest.approx(  # of terms that BatchNorm makes cancel
            alone.pop("plain"), rel=TOLERANCE[dtype], abs=TOLERANCE[dtype] * alone["snip"]
        )
        assert found == pytest.approx(alone, rel=TOLERANCE[dtype], abs=0)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_population_equals_the_loop_at_the_size_of_a_search(make_task: Tasks, dtype: torch.dtype) -> None:
    task = make_task(darts, 16, 8, n=8, side=32, dtype=dtype)
    given = held(7)
    smooth = ["naswot", "synflow"] if dtype == torch.float32 else [name for name in NAMES if name != "plain"]
    # in float32 a ReLU's input may be rounded to the other side of zero: the loop's own grad-norm, snip and
    # fisher are up to 4e-4 from float64 at this size, so no other order of sums comes closer to them
    for found, alone in zip(scored(given, task, 8), scored(given, task), strict=True):
        assert None not in alone.values()
        for name in smooth:
            assert found[name] == pytest.approx(alone[name], rel=TOLERANCE[dtype], abs=0), name


def test_score_does_not_depend_on_the_company(make_task: Tasks) -> None:
    given = held(2)
    task = make_task(darts, 4, 5, side=8, dtype=torch.float32)
    expected = scored(given, task, 3)
    assert scored(given, task, 1) == scored(given[::-1], task, 2)[::-1] == expected


@pytest.mark.parametrize("one", [shared.FIRST_ORDER, shared.AGREEMENT, shared.FLOW])
def test_mixed_widths_are_padded_exactly(make_task: Tasks, one: shared.SharedPass) -> None:
    dense, other = (darts.canonical(genotype) for genotype in held(1))
    narrow = darts.canonical(dataclasses.replace(dense, normal_concat=(4, 5), reduce_concat=(3, 4, 5)))
    given, task = [dense, narrow, other], make_task(darts, 4, 5, side=8)
    population = plan(given, task.size)
    for genotype, found in zip(given, one.many(population, task, weights_of(population, task)), strict=True):
        expected = torch.as_tensor(one.one(genotype, task))
        torch.testing.assert_close(torch.as_tensor(found).to(expected), expected, rtol=1e-10, atol=1e-10)


def test_synflow_shares_passes_without_images(make_task: Tasks) -> None:
    given, task = held(1), dataclasses.replace(make_task(darts, 4, 3, side=8), batch=None)
    together = dataclasses.replace(task, populations=Populations(2, 1e12))
    found, alone = (
        [scores["synflow"].value for scores in score_all(given, ["synflow"], of)] for of in (together, task)
    )
    assert found == pytest.approx(alone, rel=1e-10)


def test_prediction_of_memory_covers_the_peak_with_batch_norm(make_task: Tasks) -> None:
    task = make_task(darts, 8, 5, n=8, side=16, dtype=torch.float32)
    for count in (1, 2):
        population = plan([darts.canonical(genotype) for genotype in held(1)[:count]], task.size)
        with Peak() as peak:
            shared.FIRST_ORDER.many(population, task, weights_of(population, task))
        predicted = shared.FIRST_ORDER.needed(population, task)
        assert 0.9 * peak.peak <= predicted <= 2 * peak.peak
        assert shared.AGREEMENT.needed(population, task) == predicted == memory.needed(population, 8, 4, norm=True)


def test_proxies_that_share_a_pass_share_it_in_a_population(make_task: Tasks) -> None:
    by_pass: dict[shared.SharedPass, set[str]] = {}
    for name, one in shared.PASSES.items():
        assert name in proxies
        by_pass.setdefault(one, set()).add(name)
    assert by_pass[shared.FIRST_ORDER] == {"grad-norm", "snip", "plain", "fisher"}  # all that read its sums
