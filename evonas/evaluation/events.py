"""The events of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from evonas.core.events import Event


@dataclass(frozen=True)
class ImagesMeasured(Event):
    """``done`` of ``total`` images of one part of an evaluation are finished."""

    what: str
    done: int
    total: int
    name: ClassVar[str] = "measuring"
