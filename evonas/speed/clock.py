"""Times of a call, on any device."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

import torch


class Timing(NamedTuple):
    """Seconds of several calls."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """What is reported."""
        return median(self.seconds)


def synchronize(device: str) -> None:
    """Waits until ``device`` has finished its work."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def alternate(calls: Sequence[Callable[[], object]], rounds: int, device: str) -> list[Timing]:
    """Times of ``calls``, each once per round, so that disturbances affect all of them."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, seconds, strict=True):
            synchronize(device)
            started = time.perf_counter()
            call()
            synchronize(device)
            taken.append(time.perf_counter() - started)
    return [Timing(tuple(taken)) for taken in seconds]
