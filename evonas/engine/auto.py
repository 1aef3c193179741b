"""This process first, worker processes once they pay off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice

from evonas.core.devices import peak_memory
from evonas.engine.base import Arrived, Engine, Lost, R, T, unheard
from evonas.engine.in_process import InProcess
from evonas.engine.machine import available_memory, cores
from evonas.engine.processes import Processes
from evonas.engine.workers import check_count

START_SECONDS = 5.0  # about the start-up time of workers; a search that is finished by then does not need them
MIN_SECONDS = 0.005  # faster scores are not worth sending to a worker


class Auto(Engine):
    """Computes in this process, after `START_SECONDS` in one process per core; with several GPUs in one per GPU.

    Starts only as many workers as fit in memory, assuming the size of this process. One GPU, or a device with
    an index, is used from this process.
    """

    def __init__(self, count: int | None = None) -> None:
        self._asked = check_count(count)

    @contextmanager
    def opened(self, device: str, announce: Callable[[str], object]) -> Iterator[Engine]:
        self._device, self._announce = device, announce
        self._seconds, self._scored, self._item = 0.0, 0, "score"
        self._workers: Processes | None = None
        self._most = self.most_workers = (self._asked or cores()) if device == "cpu" else 1
        with ExitStack() as self._stack:
            if device == "cuda" and _gpus() > 1:
                self._begin_workers(self._asked or _gpus())
            yield self

    def _begin_workers(self, count: int) -> None:
        self._workers = Processes(count)
        self._stack.enter_context(self._workers.opened(self._device, self._announce))
        self.most_workers = count

    @property
    def description(self) -> str:
        if self._workers is not None:
            return self._workers.description
        later = f", {self._most} worker processes after {START_SECONDS:.0f} s of scoring" if self._most > 1 else ""
        return InProcess.description + later

    def processes(self) -> list[int]:
        return [*super().processes(), *(self._workers.processes() if self._workers is not None else ())]

    def map(
        self,
        function: Callable[[list[T]], Iterable[R]],
        items: Iterable[T],
        lost: Lost,
        arrived: Arrived = unheard,
    ) -> Iterator[R]:
        remaining = iter(items)
        while self._workers is None:
            chunk = list(islice(remaining, self.chunk))
            if not chunk:
                return
            started = time.perf_counter()
            for result in function(chunk):
                self._seconds += time.perf_counter() - started
                self._scored += 1
                arrived(result)
                yield result
                started = time.perf_counter()
            self._consider_workers()
        self._workers.chunk = self.chunk
        yield from self._workers.map(function, remaining, lost, arrived)

    def expect(self, seconds: float, items: int) -> None:
        """Starts workers at once for work that is expected to pay off."""
        if items > 1 and self._workers is None:
            self._seconds, self._scored, self._item = seconds * items, items, "item"
            self._consider_workers()

    def _consider_workers(self) -> None:
        if self._most < 2 or self._seconds < max(START_SECONDS, MIN_SECONDS * self._scored):
            return
        memory = available_memory()
        room = self._most if memory is None else memory // max(1, peak_memory("cpu"))
        count = min(self._most, room)
        each = f"{self._seconds / self._scored:.2g} s per {self._item}"
        if count < 2:
            self._announce(f"{each}, but only one process fits in memory: scoring in this process")
            self._most = 1
            return
        self._announce(f"{each}: switching to {count} worker processes")
        self._begin_workers(count)


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
