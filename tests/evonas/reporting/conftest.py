"""A run that went through all stages in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

import evonas

SEARCH = {
    "channels": 2,
    "layers": 3,
    "population": 6,
    "children": 3,
    "batch_size": 4,
    "proxy": "params",
    "seed": 3,
}


@pytest.fixture(scope="package")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Searched by a size, trained for one epoch, attacked and corrupted on a few images."""
    run = tmp_path_factory.mktemp("report") / "run"
    evonas.search(evonas.SearchSettings(**SEARCH, generations=5, image_size=16), run)
    evonas.train(str(run), overrides={"epochs": 1, "batch_size": 256})
    settings = evonas.EvaluateSettings(epsilons=(8.0, 2.0), steps=2, images=6, checks=0, batch_size=6)
    evonas.evaluate(run, settings)
    return run


@pytest.fixture(scope="package")
def front_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search with several objectives."""
    run = tmp_path_factory.mktemp("report") / "front"
    several = {"proxy": "croze", "objectives": "params,-flops,-live-size", "algorithm": "nsga2"}
    evonas.search(evonas.SearchSettings(**{**SEARCH, **several}, generations=2), run)
    return run


@pytest.fixture(scope="package")
def searched_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search without a final stage."""
    run = tmp_path_factory.mktemp("report") / "searched"
    evonas.search(evonas.SearchSettings(**SEARCH, generations=5), run)
    return run
