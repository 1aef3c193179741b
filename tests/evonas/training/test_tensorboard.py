"""Curves for TensorBoard say what the rows say."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from evonas import SearchSettings, api
from evonas.reporting.tensorboard import DIRECTORY, TensorBoard
from evonas.training.plan import FinalPlan


def test_curves_hold_every_generation_and_every_epoch(pictures: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = SearchSettings(proxy="params", dataset=pictures, image_size=16, channels=2, layers=3)
    settings = dataclasses.replace(settings, population=4, children=2, generations=2)
    plan = FinalPlan(overrides={"epochs": 2, "batch_size": 16}, images=4, checks=0)
    result = api.search(settings, tmp_path / "run", TensorBoard(), final=plan)
    searched = EventAccumulator(str(tmp_path / "run" / DIRECTORY)).Reload()
    assert [event.step for event in searched.Scalars("search/best")] == [0, 1, 2]
    trained = EventAccumulator(str(tmp_path / "run" / "train" / DIRECTORY)).Reload()
    assert result.trained is not None
    losses = [event.value for event in trained.Scalars("train/loss")]
    assert losses == pytest.approx([row.loss for row in result.trained.history], rel=1e-6)


def test_a_package_that_does_not_work_costs_the_curves_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said: list[str] = []
    settings = SearchSettings(proxy="params", population=4, generations=2)
    result = api.search(settings, tmp_path / "run", TensorBoard(said.append))
    assert result.generations == 2 and len(said) == 1 and "TensorBoard curves are not written" in said[0]
