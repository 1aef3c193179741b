"""Which genotypes a table has."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evonas
from evonas import EvonasError, SearchSettings, UsageError
from evonas.searching.resolve import resolve_scoring
from evonas.tabulating.sample import sample, spread
from evonas.tabulating.settings import TabulateSettings
from spaces import NetworkSize, spaces

SIZE = NetworkSize(4, 3, 10, 32)


@pytest.fixture(autouse=True)
def smaller_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer random genotypes to choose from, as each takes half a millisecond."""
    monkeypatch.setattr("evonas.tabulating.sample.POOL", 300)


def drawn(**options: Any) -> list[Any]:
    settings = TabulateSettings(channels=4, layers=3, device="cpu", **options)
    return sample(settings, resolve_scoring(settings.search()))


def sizes(genotypes: list[Any]) -> list[int]:
    return [spaces["darts"].params(genotype, SIZE) for genotype in genotypes]


def test_genotypes_are_canonical_different_and_those_of_the_seed() -> None:
    found, space = drawn(sample=30), spaces["darts"]
    assert len({space.key(genotype) for genotype in found}) == 30
    assert [space.canonical(genotype) for genotype in found] == found
    assert drawn(sample=30) == found != drawn(sample=30, seed=1)


@pytest.mark.parametrize("stratify", [None, "params"])
def test_a_larger_sample_begins_with_the_smaller_one(stratify: str | None) -> None:
    assert drawn(sample=12, stratify=stratify)[:5] == drawn(sample=5, stratify=stratify)


def test_a_stratified_sample_is_spread_evenly_over_size() -> None:
    def unevenness(counts: list[int]) -> float:
        """The largest distance of the distribution of ``counts`` from the uniform one on their range."""
        places = (np.sort(counts) - min(counts)) / (max(counts) - min(counts))
        return float(np.abs(places - np.linspace(0, 1, len(counts))).max())

    found, random = sizes(drawn(sample=31, stratify="params")), sizes(drawn(sample=31))
    assert max(found) - min(found) > max(random) - min(random) and len({*found}) == 31
    assert unevenness(found) < 0.03 < unevenness(random)


def test_the_points_of_a_spread_are_the_nearest_that_are_left() -> None:
    pool = "abcdefgh"
    assert spread(pool, [0, 10, 20, 30, 40, 50, 60, 80], 3) == ["e", "c", "g"]
    assert sorted(spread(pool, [5] * 8, 8)) == list(pool)
    assert spread([], [], 3) == []


def test_no_genotype_exceeds_max_params() -> None:
    limit = int(np.median(sizes(drawn(sample=30))))
    assert max(sizes(drawn(sample=30, max_params=limit))) <= limit
    with pytest.raises(EvonasError, match="max-params"):
        drawn(sample=30, max_params=10)


def test_a_space_that_is_too_small_is_an_error_that_names_the_largest_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evonas.tabulating.sample.MAX_REPEATS", 200)
    cell = spaces["nasbench201"].random(np.random.default_rng(0))
    monkeypatch.setattr(type(spaces["nasbench201"]), "random", lambda space, rng: cell)
    with pytest.raises(UsageError, match="only 1 different genotypes to draw; add --sample 1"):
        drawn(sample=2, space="nasbench201")


def test_the_best_of_runs_are_added_once(tmp_path: Path) -> None:
    settings = SearchSettings(
        proxy="params", population=6, children=3, generations=2, channels=4, layers=3, device="cpu"
    )
    for name, seed in (("one", 0), ("two", 1)):
        evonas.search(dataclasses.replace(settings, seed=seed), tmp_path / name)
    runs = [str(tmp_path / name) for name in ("one", "two", "one")]
    found = drawn(sample=2, runs=runs, best=2)
    assert found[:2] == drawn(sample=2) and len(found) == 6
    counts = sizes(found[2:])
    assert counts[0] == evonas.summarise(runs[0]).best.params and counts[:2] == sorted(counts[:2], reverse=True)
    assert drawn(sample=0, runs=runs, best=2) == found[2:]
    with pytest.raises(UsageError, match="searched darts; add --space darts"):
        drawn(sample=1, runs=runs[:1], space="nasbench201")
    with pytest.raises(UsageError, match="name runs with --from"):
        TabulateSettings(sample=0)
