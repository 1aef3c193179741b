"""A search with a final stage that takes a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from evonas import EvaluateSettings, FinalPlan, SearchSettings, pipeline
from evonas.training.settings import TrainSettings

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"

MEASURED = EvaluateSettings(epsilons=(64.0,), steps=2, images=8, checks=0, corruptions=False, device="cpu")


@pytest.fixture
def searched(pictures: str) -> SearchSettings:
    return SearchSettings(
        proxy="params",
        dataset=pictures,
        image_size=8,
        space="nasbench201",
        channels=2,
        layers=1,
        population=4,
        children=2,
        generations=2,
        device="cpu",
    )


@pytest.fixture
def tiny(pictures: str) -> TrainSettings:
    """Two epochs of a network that is tiny."""
    return TrainSettings(
        CELL,
        space="nasbench201",
        dataset=pictures,
        image_size=8,
        channels=2,
        layers=1,
        validation=16,
        device="cpu",
        overrides={"epochs": 2, "batch_size": 16, "cutout": 0},
    ).resolve()


@pytest.fixture
def plan() -> FinalPlan:
    return FinalPlan(overrides={"epochs": 1, "batch_size": 16, "cutout": 0}, images=8, checks=0)


@pytest.fixture(autouse=True)
def short_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows a training is measured in short."""

    def settings(**options: object) -> EvaluateSettings:
        return EvaluateSettings(**{"steps": 2, "corruptions": False, "epsilons": (64.0,), **options})  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "EvaluateSettings", settings)


@pytest.fixture(autouse=True)
def single_thread() -> Iterator[None]:
    """The first training as the others."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
