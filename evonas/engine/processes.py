"""Worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, util
from typing import Any

from evonas.core.signals import STOPPING
from evonas.engine.base import Engine, Function
from evonas.engine.machine import cores
from evonas.engine.protocol import Died, Event, Worker
from evonas.engine.worker import Hello, main
from evonas.engine.workers import Workers

DYING_SECONDS = 10.0  # from the loss of a worker's connection to its exit
UNGUARDED = '; a script must start workers under if __name__ == "__main__":'


class Process(Worker):
    """A new interpreter, which receives the function when it is ready."""

    def __init__(self, function: Function, device: str, index: int) -> None:
        super().__init__(index)
        self.function = function
        self.greeted = False
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=main, args=(theirs, device, index), daemon=True)
        with _signals_held():
            self.process.start()
        theirs.close()

    def give(self, items: list[Any]) -> None:
        self.send(items)

    def send(self, what: Any) -> None:
        try:
            self.connection.send(what)
        except OSError:
            return  # it has died; the next call of listen reports it

    def stop(self) -> None:
        self.process.kill()  # it ignores SIGTERM
        self.process.join()
        self.connection.close()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Processes started within the block ignore the signals of `STOPPING` from their first instruction."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Processes(Workers):
    """One worker process per CPU core or visible GPU, or ``count`` worker processes.

    Scripts that use it need the usual ``if __name__ == "__main__":``.
    """

    @contextmanager
    def opened(self, device: str, announce: Callable[[str], object]) -> Iterator[Engine]:
        # at exit multiprocessing waits for its children, which wait for this process
        last_words = util.Finalize(self, self.dismiss, exitpriority=100)
        with super().opened(device, announce):
            yield self
        last_words.cancel()

    @property
    def description(self) -> str:
        return f"{self.count} worker process{'es' if self.count > 1 else ''}"

    def default_count(self) -> int:
        if self.device == "cuda":
            import torch

            return torch.cuda.device_count()
        return cores() if self.device == "cpu" else 1

    def processes(self) -> list[int]:
        workers = [member.process for member in list(self.members) if isinstance(member, Process)]
        return [worker.pid for worker in workers if worker.pid is not None]

    def start(self, function: Function, index: int) -> Worker:
        return Process(function, self.device, index)

    def listen(self) -> list[tuple[Worker, Event]]:
        by_connection = {member.connection: member for member in self.members if isinstance(member, Process)}
        events: list[tuple[Worker, Event]] = []
        for ready in connection.wait(list(by_connection), self.patience()):
            worker = by_connection[ready]  # type: ignore[index]
            try:
                said = worker.connection.recv()
            except (EOFError, OSError):
                events.append((worker, Died(_end_of(worker.process) + ("" if worker.greeted else UNGUARDED))))
                continue
            if isinstance(said, Hello):
                worker.greeted = True
                worker.send(worker.function)
            else:
                events.append((worker, said))
        heard = [worker for worker, _ in events]
        return events + [(worker, Died(reason)) for worker, reason in self.overdue() if worker not in heard]


def _end_of(process: Any) -> str:
    """The cause of a process exit as text."""
    process.join(DYING_SECONDS)
    code = process.exitcode
    if code is None:
        return "it no longer answers"
    if code >= 0:
        return f"it exited with code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"killed by {name}" + (", possibly out of memory" if name == "SIGKILL" else "")
