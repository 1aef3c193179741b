"""A data set and a network that are learned in a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evonas.training.settings import TrainSettings
from tests.pictures import bright_and_dark

_CELL = (
    "[('dil_conv_3x3', 0), ('skip_connect', 1), ('max_pool_3x3', 1), ('skip_connect', 2)"
    + ", ('skip_connect', 0)" * 4
)
LIGHT = f"Genotype(normal={_CELL}], normal_concat=[2, 3, 4, 5], reduce={_CELL}], reduce_concat=[2, 3, 4, 5])"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """80 images."""
    return bright_and_dark(tmp_path_factory.mktemp("pictures"), 40)


@pytest.fixture(scope="session")
def small(pictures: str) -> Callable[..., TrainSettings]:
    """Settings of a training of two short epochs; numbers of the recipe and other settings can be given."""

    def make(
        recipe: str = "fast", validation: int = 16, seed: int = 0, side: int = 16, **numbers: object
    ) -> TrainSettings:
        return TrainSettings(
            LIGHT,
            dataset=pictures,
            image_size=side,
            channels=4,
            layers=3,
            recipe=recipe,
            validation=validation,
            seed=seed,
            device="cpu",
            overrides={"epochs": 2, "batch_size": 16, **numbers},
        ).resolve()

    return make
