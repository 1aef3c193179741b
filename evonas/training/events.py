"""The events of a training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from evonas.core.events import Event
from evonas.training.metrics import EpochRow

if TYPE_CHECKING:
    from evonas.training.settings import TrainSettings


@dataclass(frozen=True)
class TrainingStarted(Event):
    """A training starts, or continues after ``history``."""

    path: Path
    settings: TrainSettings
    history: list[EpochRow]
    steps: int  # of an epoch
    name: ClassVar[str] = "training"


@dataclass(frozen=True)
class StepDone(Event):
    """``done`` steps of an epoch are finished."""

    epoch: int
    done: int
    name: ClassVar[str] = "step"


@dataclass(frozen=True)
class EpochDone(Event):
    """An epoch is on disk."""

    row: EpochRow
    name: ClassVar[str] = "epoch"
