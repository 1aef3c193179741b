"""What a schedule and its workers tell each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from evonas.engine.worker import Done, Failed, Ready


class Died(NamedTuple):
    """A worker has died."""

    reason: str


Event = Ready | Done | Failed | Died


@dataclass
class Job:
    """Items that a worker gets in one call; ``first`` is the index of the first one."""

    first: int
    items: list[Any]
    deaths: int = 0  # workers that it crashed


class Worker(ABC):
    """A worker, not ready yet; its answers arrive in `Workers.listen`."""

    def __init__(self, index: int) -> None:
        self.index = index  # index among the workers, and of its GPU
        self.ready = False
        self.job: Job | None = None

    since = 0.0  # start of its job, by the monotonic clock

    @abstractmethod
    def give(self, items: list[Any]) -> None:
        """Start a job. If the worker has died, `Workers.listen` reports it."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it immediately."""


class WorkerSet(Protocol):
    """What a schedule asks of the set of its workers."""

    chunk: int
    most_deaths: int  # number of crashed workers after which an item is lost
    members: list[Worker]
    announce: Callable[[str], object]

    def staff(self) -> list[Worker]:
        """The members, with dead ones replaced."""

    def listen(self) -> Iterable[tuple[Worker, Event]]:
        """Waits for messages of the members; may return none."""

    def remove(self, worker: Worker) -> None:
        """Stop one worker."""

    def is_ready(self, worker: Worker) -> None:
        """Record that a worker is ready."""

    def has_died(self, worker: Worker, reason: str) -> None:
        """Record that a worker has died. Raises `EvonasError` if too many died during start-up."""

    def announce_once(self, text: str) -> None:
        """A warning, issued once even if many workers send it."""
