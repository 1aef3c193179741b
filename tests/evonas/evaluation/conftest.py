"""A trained run that several tests of evaluations copy."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import evonas
from evonas import SearchSettings


@pytest.fixture(scope="session")
def picture_run(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search with its training: one cell, on pictures that are learned in a second."""
    path = tmp_path_factory.mktemp("certified") / "run"
    settings = SearchSettings(dataset=pictures, image_size=8, channels=2, layers=1, batch_size=2, device="cpu")
    evonas.search(dataclasses.replace(settings, proxy="params", population=4, children=2, generations=1), path)
    evonas.train(str(path), overrides={"epochs": 3, "batch_size": 16})
    return path
