"""Cosines and norms whose entries span the whole range of float64."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fitness import cosine


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def spread(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Entries of both signs from 1e-300 to 1e300."""
    exponents = torch.rand(shape, generator=generator, dtype=torch.float64) * 600 - 300
    return 10**exponents * torch.randn(shape, generator=generator, dtype=torch.float64).sign()


def exact_cosine(u: list[float], v: list[float]) -> float:
    with localcontext() as context:
        context.prec = 60
        a, b = [Decimal(x) for x in u], [Decimal(x) for x in v]
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return float(dot / (sum(x * x for x in a) * sum(y * y for y in b)).sqrt())


@pytest.mark.parametrize("shape", [(7, 5), (4, 3, 2, 2), (1, 6), (9,)])
def test_columns_equal_the_naive_cosine(shape: tuple[int, ...], generator: torch.Generator) -> None:
    u, v = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    torch.testing.assert_close(cosine.columns(u, v), F.cosine_similarity(u, v, dim=0), rtol=1e-12, atol=1e-14)


def test_columns_are_exact_over_six_hundred_orders_of_magnitude(generator: torch.Generator) -> None:
    u, v = spread((6, 200), generator), spread((6, 200), generator)
    found = cosine.columns(u, v)
    for i in range(200):
        assert float(found[i]) == pytest.approx(exact_cosine(u[:, i].tolist(), v[:, i].tolist()), abs=1e-14)


@pytest.mark.parametrize("power", [-1000, -500, 500, 1000])
def test_a_common_factor_changes_nothing(power: int, generator: torch.Generator) -> None:
    u, v = (torch.randn((5, 8), generator=generator, dtype=torch.float64) for _ in range(2))
    factor = 2.0**power
    assert torch.equal(cosine.columns(u * factor, v / factor), cosine.columns(u, v))
    assert torch.equal(cosine.whole(u * factor, v / factor), cosine.whole(u, v))
    assert torch.equal(cosine.norm(u * factor), cosine.norm(u) * factor)


def test_whole_equals_the_naive_cosine_of_flattened_tensors(generator: torch.Generator) -> None:
    u, v = (torch.randn((4, 3, 5), generator=generator, dtype=torch.float64) for _ in range(2))
    expected = F.cosine_similarity(u.flatten(), v.flatten(), dim=0)
    torch.testing.assert_close(cosine.whole(u, v), expected, rtol=1e-13, atol=0)


def test_whole_is_exact_over_six_hundred_orders_of_magnitude(generator: torch.Generator) -> None:
    for _ in range(50):
        u, v = spread((2, 3), generator), spread((2, 3), generator)
        expected = exact_cosine(u.flatten().tolist(), v.flatten().tolist())
        assert float(cosine.whole(u, v)) == pytest.approx(expected, abs=1e-14)


def test_norm_equals_the_naive_norm_and_survives_extremes(generator: torch.Generator) -> None:
    x = torch.randn((3, 4, 5), generator=generator, dtype=torch.float64)
    torch.testing.assert_close(cosine.norm(x), x.norm(), rtol=1e-14, atol=0)
    extremes = torch.tensor([3e300, 4e300], dtype=torch.float64)
    assert float(cosine.norm(extremes)) == pytest.approx(5e300, rel=1e-14)
    assert float(cosine.norm(extremes * 1e-300 * 1e-300)) == pytest.approx(5e-300, rel=1e-14)


def test_what_is_zero_has_cosine_zero_and_norm_zero() -> None:
    u, v = torch.zeros(3, 2), torch.ones(3, 2)
    u[:, 1] = 1
    assert cosine.columns(u, v).tolist() == pytest.approx([0, 1])
    assert float(cosine.whole(torch.zeros(3, 2), v)) == 0 == float(cosine.norm(torch.zeros(3)))
    assert torch.equal(cosine.unit(torch.zeros(2, 2)), torch.zeros(2, 2))


def test_unit_has_largest_entry_one(generator: torch.Generator) -> None:
    x = spread((5, 7), generator)
    assert torch.equal(cosine.unit(x, 0).abs().amax(0), torch.ones(7, dtype=torch.float64))
    assert float(cosine.unit(x).abs().max()) == 1
