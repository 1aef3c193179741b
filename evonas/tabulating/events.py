"""The events of making a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evonas.core.events import Event


@dataclass(frozen=True)
class TabulationStarted(Event):
    """The trainings of a table begin, or continue after ``done`` of ``total``."""

    table: str
    genotypes: int
    total: int  # trainings
    done: int
    seconds: float | None  # estimated computing time of those that are missing; None if unknown
    remaining: float | None  # estimated seconds until the table is complete; None if unknown
    workers: int
    name: ClassVar[str] = "tabulation"


@dataclass(frozen=True)
class NetworkTabulated(Event):
    """One more network is trained and evaluated, or has failed."""

    genotype: str
    seed: int
    values: Mapping[str, float]  # accuracies by column; empty after a failure
    reason: str  # of the failure
    seconds: float
    done: int
    total: int
    remaining: float | None  # estimated seconds until the table is complete; None if unknown
    name: ClassVar[str] = "tabulated"
