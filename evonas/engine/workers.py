"""Starts, replaces and stops a set of workers."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy

from evonas.core.arguments import integer, number
from evonas.engine.base import Arrived, Engine, Function, Lost, R, T, unheard
from evonas.engine.protocol import Event, Worker
from evonas.engine.schedule import Schedule
from spaces.errors import EvonasError

MAX_WORKERS = 10_000


def check_count(count: int | None) -> int | None:
    """Raises `UsageError` for a number of workers out of range; None is the default."""
    return None if count is None else integer(count, "--workers", 1, MAX_WORKERS)


def check_limit(seconds: float | None) -> float | None:
    """Raises `UsageError` for an invalid time limit; None is no limit."""
    if seconds is None:
        return None
    return number(seconds, "--time-limit", "a number of seconds above 0", lambda value: 0 < value < math.inf)


class Workers(Engine):
    """Keeps ``count`` workers with the same function, by default as many as the device can use."""

    most_deaths = 2  # number of crashed workers after which an item is lost
    failed_starts = 1  # number of consecutive start-up failures that is an error

    def __init__(self, count: int | None = None, time_limit: float | None = None) -> None:
        self._asked = check_count(count)
        self.time_limit = check_limit(time_limit)  # seconds per item; slower workers are stopped
        self._function: Function | None = None
        self._told: set[str] = set()
        self._died_starting = 0
        self.members: list[Worker] = []

    def patient(self) -> Engine:
        found = copy(self)
        found.time_limit, found.members, found._told, found._function = None, [], set(), None
        return found

    @abstractmethod
    def start(self, function: Function, index: int) -> Worker:
        """A new worker."""

    @abstractmethod
    def listen(self) -> Iterable[tuple[Worker, Event]]:
        """Waits for messages of the members; may return none."""

    @abstractmethod
    def default_count(self) -> int:
        """How many workers the device can use."""

    @contextmanager
    def opened(self, device: str, announce: Callable[[str], object]) -> Iterator[Engine]:
        self.device, self.announce = device, announce
        self._told.clear()
        self.count = self.most_workers = self._asked or self.default_count()
        try:
            yield self
        finally:
            self.dismiss()

    def map(
        self,
        function: Callable[[list[T]], Iterable[R]],
        items: Iterable[T],
        lost: Lost,
        arrived: Arrived = unheard,
    ) -> Iterator[R]:
        if function is not self._function:
            self.dismiss()
            self._function = function
        yield from Schedule(self, items, lost, arrived).results()

    def staff(self) -> list[Worker]:
        """The members, with dead ones replaced."""
        assert self._function is not None
        for index in sorted(set(range(self.count)) - {worker.index for worker in self.members}):
            self.members.append(self.start(self._function, index))
        return self.members

    def _allowed(self, worker: Worker) -> float:
        """Seconds until the deadline of ``worker``."""
        if self.time_limit is None or worker.job is None:
            return math.inf
        return worker.since + self.time_limit * len(worker.job.items) - time.monotonic()

    def patience(self) -> float | None:
        """Seconds until the next deadline; None if there is none."""
        soonest = min((self._allowed(worker) for worker in self.members), default=math.inf)
        return None if soonest == math.inf else max(0.0, soonest)

    def overdue(self) -> list[tuple[Worker, str]]:
        """Workers that missed their deadline, with the reason."""
        reason = f"no answer within {self.time_limit:g} s" if self.time_limit is not None else ""
        return [(worker, reason) for worker in self.members if self._allowed(worker) <= 0]

    def dismiss(self) -> None:
        """Stop all workers."""
        while self.members:
            self.remove(self.members[-1])

    def remove(self, worker: Worker) -> None:
        """Stop one worker."""
        self.members.remove(worker)
        worker.stop()

    def processes(self) -> list[int]:
        return []

    def is_ready(self, worker: Worker) -> None:
        """Record that a worker is ready."""
        worker.ready = True
        self._died_starting = 0

    def has_died(self, worker: Worker, reason: str) -> None:
        """Record that a worker has died. Raises `EvonasError` if too many died during start-up."""
        self.remove(worker)
        self._died_starting += not worker.ready
        if self._died_starting >= self.failed_starts:
            raise EvonasError(f"a worker exited during start-up: {reason}")

    def announce_once(self, text: str) -> None:
        """A warning, issued once even if many workers send it."""
        if text not in self._told:
            self._told.add(text)
            self.announce(text)
