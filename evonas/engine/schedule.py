"""Assigns items to workers and returns results in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from evonas.engine.base import Arrived, Lost, chunks, loss, unheard
from evonas.engine.protocol import Job, Worker, WorkerSet
from evonas.engine.worker import Done, Failed, Ready
from spaces.errors import EvonasError


class Schedule:
    """One map: results in the order of the items, computed in any order.

    The items of a crashed worker are retried by another worker, one by one, while the rest stay idle, so that a
    lack of memory caused by others is not blamed on an item. An item that crashes `WorkerSet.most_deaths` is lost.
    """

    def __init__(self, workers: WorkerSet, items: Iterable[Any], lost: Lost, arrived: Arrived = unheard) -> None:
        self.workers = workers
        self.lost, self.arrived = lost, arrived
        self.fresh = self._jobs(items)
        self.exhausted = False
        self.again: deque[Job] = deque()
        self.found: dict[int, Any] = {}  # by index, waiting for earlier ones
        self.errors: dict[int, Failed] = {}  # likewise

    def _jobs(self, items: Iterable[Any]) -> Iterator[Job]:
        first = 0
        for chunk in chunks(items, self.workers.chunk):
            yield Job(first, chunk)
            first += len(chunk)

    def results(self) -> Iterator[Any]:
        """The results in order, as soon as all earlier ones are there. An error is raised at its position."""
        number = 0
        try:
            while True:
                self._hand_out()
                if number in self.found:
                    yield self.found.pop(number)
                    number += 1
                elif number in self.errors:
                    _raise(self.errors[number])
                elif self.exhausted and not self.again and not self._busy():
                    return
                else:
                    self._listen()
        finally:
            for worker in self._busy():  # its results are no longer needed
                self.workers.remove(worker)

    def _busy(self) -> list[Worker]:
        return [worker for worker in self.workers.members if worker.job is not None]

    def _hand_out(self) -> None:
        if self.exhausted and not self.again:
            return
        for worker in self.workers.staff():
            if worker.ready and worker.job is None:
                worker.job = self._next()
                if worker.job is None:
                    return
                worker.since = time.monotonic()
                worker.give(worker.job.items)

    def _next(self) -> Job | None:
        busy = self._busy()
        if self.again:
            return None if busy else self.again.popleft()
        if self.errors or any(worker.job and worker.job.deaths for worker in busy):
            return None
        job = next(self.fresh, None)
        self.exhausted = job is None
        return job

    def _listen(self) -> None:
        for worker, event in self.workers.listen():
            if isinstance(event, Ready):
                self.workers.is_ready(worker)
                continue
            job, worker.job = worker.job, None
            if isinstance(event, Done):
                assert job is not None
                for number, result in zip(
                    range(job.first, job.first + len(job.items)), event.results, strict=True
                ):
                    self._arrive(number, result)
                for note in event.notes:
                    self.workers.announce_once(note)
            elif isinstance(event, Failed):
                if job is None:
                    _raise(event)
                else:
                    self.errors[job.first] = event
            else:
                self.workers.has_died(worker, event.reason)
                if job is not None:
                    self._mourn(job, event.reason)

    def _mourn(self, job: Job, reason: str) -> None:
        deaths = job.deaths + 1
        if deaths < self.workers.most_deaths:
            self.workers.announce(f"a worker crashed ({reason}); its work is repeated")
            self.again.extend(Job(job.first + i, [item], deaths) for i, item in enumerate(job.items))
            return
        for number, item in enumerate(job.items, job.first):
            self._arrive(number, self.lost(item, loss(deaths, reason)))

    def _arrive(self, number: int, result: Any) -> None:
        self.found[number] = result
        self.arrived(result)


def _raise(failed: Failed) -> None:
    raise failed.error from EvonasError(failed.trace)
