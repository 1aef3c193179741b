"""The events of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from evonas.core.events import Event


@dataclass(frozen=True)
class ImagesMeasured(Event):
    """``done`` of ``total`` images of one part of an evaluation are finished."""

    what: str
    done: int
    total: int
    name: ClassVar[str] = "measuring"


@dataclass(frozen=True)
class EvaluationDone(Event):
    """The evaluation at ``path`` is on disk."""

    path: Path
    accuracies: Mapping[str, float]  # by column: clean, each attack and epsilon, groups of corruptions, their mean
    settings: Mapping[str, Any]
    name: ClassVar[str] = "evaluation"
