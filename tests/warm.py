"""Worker processes that need not start Python and PyTorch: they are forked from `tests.forks`.

Those that start as they do elsewhere are in tests/evonas/engine/test_processes.py and tests/test_plugin.py.
"""

from __future__ import annotations

import os
import signal
import socket
from multiprocessing.connection import Connection
from typing import IO, Any

from evonas.engine import Processes
from evonas.engine.base import Function
from evonas.engine.processes import Process
from evonas.engine.protocol import Worker
from evonas.engine.worker import main as work
from tests import forks


class Child:
    """A forked process, with what `Process` uses of `multiprocessing.Process`."""

    def __init__(self, command: forks.Command) -> None:
        self._command, self.pid = command, command.pid

    @property
    def exitcode(self) -> int | None:
        return self._command.poll()

    def join(self, timeout: float | None = None) -> None:
        self._command.wait()

    def kill(self) -> None:
        self._command.send_signal(signal.SIGKILL)


class WarmProcess(Process):
    """One worker."""

    def __init__(self, function: Function, index: int) -> None:
        Worker.__init__(self, index)
        self.function, self.greeted = function, False
        ours, theirs = socket.socketpair()
        self.connection: Any = Connection(ours.detach())
        with theirs:
            status = forks.server().serve("tests.warm", theirs.fileno(), theirs.fileno())
        self.process: Any = Child(forks.Command((), status, None, None))


class WarmProcesses(Processes):
    """Workers that are ready at once."""

    def start(self, function: Function, index: int) -> Worker:
        return WarmProcess(function, index)


def main(requests: IO[str], answers: IO[str]) -> None:
    """Be a worker."""
    work(Connection(os.dup(requests.fileno())), "cpu", 0)
