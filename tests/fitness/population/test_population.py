"""Populations against one network after the other, and against themselves in other company."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from fitness import Populations, Score, Task, score_all
from fitness.population import kernels, memory, shared
from fitness.population.ahead import weights_of
from fitness.population.plan import plan, supported
from spaces import spaces
from tests.fitness.conftest import Tasks
from tests.fitness.population.peak import Peak

darts = spaces["darts"]
DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()
NAMES = ["croze", "croze:P", "croze:G", "croze:Z"]
NEGATIVE = (  # the last cell but one has negative outputs under the perturbed weights
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('avg_pool_3x3', 0), ('max_pool_3x3', 2),"
    " ('avg_pool_3x3', 1), ('skip_connect', 2), ('dil_conv_3x3', 1), ('avg_pool_3x3', 2)],"
    " normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('sep_conv_5x5', 0),"
    " ('sep_conv_5x5', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), ('dil_conv_3x3', 2), ('dil_conv_5x5', 4)],"
    " reduce_concat=[2, 3, 4, 5])"
)
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def genotypes(count: int, seed: int = 0) -> list[Any]:
    """Published cells, one of other widths and operations, one with few live edges, then random ones."""
    published = [darts.parse(name) for name in ("DARTS_V2", "AmoebaNet_A", "PC_DARTS_cifar")]
    rng = np.random.default_rng(seed)
    return [*published, *(darts.random(rng) for _ in range(count))]


def held(count: int) -> list[Any]:
    """DARTS_V2 and random genotypes: what one population holds."""
    return [genotypes(0)[0], *genotypes(count)[3:]]


def together(
    given: list[Any], task: Task, networks: int = 64, memory: float = 1e12
) -> list[dict[str, float | None]]:
    task = dataclasses.replace(task, populations=Populations(networks, memory))
    return [values(found) for found in score_all(given, NAMES, task)]


def values(found: dict[str, Score]) -> dict[str, float | None]:
    return {name: score.value for name, score in found.items()}


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("layers", [3, 5])
def test_population_equals_the_loop(make_task: Tasks, device: str, dtype: torch.dtype, layers: int) -> None:
    given = genotypes(3)
    assert not all(supported(genotype, darts) for genotype in given)  # and one is scored alone
    task = dataclasses.replace(make_task(darts, 4, layers, side=8, dtype=dtype), device=device)
    expected = [values(found) for found in score_all(given, NAMES, task)]
    for found, alone in zip(together(given, task), expected, strict=True):
        assert found == pytest.approx(alone, rel=TOLERANCE[dtype], abs=0)


def test_score_does_not_depend_on_the_company(make_task: Tasks, device: str) -> None:
    given = genotypes(3)
    task = dataclasses.replace(make_task(darts, 4, 5, side=8, dtype=torch.float32), device=device)
    expected = together(given, task)
    others = [together(given, task, 1), together(given, task, 3), together(given[::-1], task, 4)[::-1]]
    for found in others:
        if device == "cpu":
            assert found == expected
        else:
            for one, other in zip(found, expected, strict=True):
                assert one == pytest.approx(other, rel=1e-6, abs=0)


@pytest.mark.parametrize("shape", [(1, 40, 5), (7, 64, 1), (1, 64, 1), (3, 27, 9)], ids=str)
@pytest.mark.parametrize("turned", [False, True])
def test_product_does_not_depend_on_the_number_of_rows(shape: tuple[int, int, int], turned: bool) -> None:
    m, k, n = shape
    generator = torch.Generator().manual_seed(0)
    a, b = torch.rand(3, m, k, generator=generator), torch.rand(3, n, k, generator=generator).mT
    if turned:
        a = a.mT.contiguous().mT
    found = kernels.product(a, b)
    torch.testing.assert_close(found, a @ b)
    for row in range(3):
        out = torch.empty(1, m, n)
        assert torch.equal(kernels.product(a[row : row + 1], b[row : row + 1], out)[0], found[row])
        assert torch.equal(out[0], found[row])


def test_score_of_one_image_does_not_depend_on_the_company(make_task: Tasks) -> None:
    given, task = held(1), make_task(darts, 2, 3, n=1, side=8, dtype=torch.float32)
    assert [*together(given[:1], task), *together(given[1:], task)] == together(given, task)


def test_mixed_widths_are_padded_exactly(make_task: Tasks) -> None:
    dense, other = (darts.canonical(genotype) for genotype in held(1))
    narrow = darts.canonical(dataclasses.replace(dense, normal_concat=(4, 5), reduce_concat=(3, 4, 5)))
    given = [dense, narrow, other]
    task = make_task(darts, 4, 5, side=8)
    population = plan(given, task.size)
    found = shared.CROZE.many(population, task, weights_of(population, task))
    for genotype, layers in zip(given, found, strict=True):
        expected = shared.CROZE.one(genotype, task)
        assert [*map(tuple, layers)] == [pytest.approx(tuple(terms), rel=1e-10) for terms in expected]


def test_what_turns_negative_under_perturbed_weights_passes_its_relu(make_task: Tasks) -> None:
    genotype = darts.parse(NEGATIVE)
    task = make_task(darts, 2, 4, side=8, seed=3)
    (alone,) = score_all([genotype], NAMES, task)
    assert together([genotype], task) == [pytest.approx(values(alone), rel=1e-10)]


def test_network_certain_of_its_labels_has_no_score_and_harms_no_other(make_task: Tasks) -> None:
    given = held(1)
    task = make_task(darts, 4, 5, n=2, side=8)
    assert task.batch is not None
    images = task.batch.images.abs() * 1e9  # logits so far apart that the softmax is one-hot
    network = task.network(darts.canonical(given[0]), norm=False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
        labels = network(images.double()).argmax(1)
    task = dataclasses.replace(task, batch=task.batch._replace(images=images, labels=labels))
    found = together(given, task)
    assert found[0]["croze"] is None
    assert found == [
        {name: None if value is None else pytest.approx(value, rel=1e-10) for name, value in one.items()}
        for one in (values(scores) for scores in score_all(given, NAMES, task))
    ]


def test_what_no_population_holds_is_scored_alone(make_task: Tasks) -> None:
    space = spaces["nasbench201"]
    rng = np.random.default_rng(0)
    given = [space.random(rng) for _ in range(3)]
    assert not any(supported(genotype, space) for genotype in given)
    task = make_task(space, 4, 1)
    assert together(given, task) == [values(found) for found in score_all(given, NAMES, task)]


def test_prediction_of_memory_covers_the_peak(make_task: Tasks) -> None:
    task = make_task(darts, 8, 5, n=8, side=16, dtype=torch.float32)
    for count in (1, 4):
        given = [darts.canonical(genotype) for genotype in held(3)[:count]]
        population = plan(given, task.size)
        with Peak() as peak:
            shared.CROZE.many(population, task, weights_of(population, task))
        predicted = memory.needed(population, 8, 4, norm=False)
        assert 0.9 * peak.peak <= predicted <= 2 * peak.peak


def test_small_budget_splits_the_population(make_task: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    given = held(4)
    task = make_task(darts, 4, 3, side=8)
    sizes: list[int] = []
    _watch(monkeypatch, sizes)
    expected = together(given, task)
    assert sizes == [len(given)]
    three = memory.needed(plan([darts.canonical(g) for g in given[:3]], task.size), 3, 8, norm=False)
    sizes.clear()
    assert together(given, task, memory=three) == expected
    assert sum(sizes) == len(given) and 1 < max(sizes) < len(given)
    sizes.clear()
    assert together(given, task, memory=2) == expected
    assert sizes == [1] * len(given)


INDICES = "Expected canUse32BitIndexMath(input) && canUse32BitIndexMath(output) to be true, but got false."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "do not fit in the memory"),
        (MemoryError(), "do not fit in the memory"),
        (RuntimeError(INDICES), "exceed the indices of a kernel"),
    ],
)
def test_what_does_not_fit_halves_the_population_with_a_warning(
    make_task: Tasks, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    given, task = held(4), make_task(darts, 4, 3, side=8)
    expected = together(given, task)
    sizes: list[int] = []
    _watch(monkeypatch, sizes, most=3, error=error)
    with pytest.warns(RuntimeWarning, match=f"networks {said} of cpu; continuing with"):
        assert together(given, task) == expected
    assert max(sizes) > 3 and sizes[-1] <= 3


def test_error_that_is_not_about_memory_is_not_hidden(make_task: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    _watch(monkeypatch, [], most=0, error=RuntimeError("no kernel image is available"))
    with warnings.catch_warnings(), pytest.raises(RuntimeError, match="no kernel image"):
        warnings.simplefilter("error")
        together(held(1), make_task(darts, 4, 3, side=8))


def _watch(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], most: int = 10**9, error: Exception | None = None
) -> None:
    """Notes how many networks each pass has; those of more than ``most`` raise ``error``."""
    many = shared.CROZE.many

    def watched(population: Any, task: Task, weights: Any) -> Any:
        sizes.append(population.networks)
        if population.networks > most:
            assert error is not None
            raise error
        return many(population, task, weights)

    monkeypatch.setattr(shared, "PASSES", dict.fromkeys(NAMES, shared.CROZE._replace(many=watched)))
