"""The command line in children of one process that has imported everything: a start costs a fork, not seconds.

`main` is that process: it reads one request a line, forks, lets the child be ``evonas ...`` with a fault of
`tests.faults.inject` in it, and answers with what became of the child.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import mmap
import os
import selectors
import signal
import time
from pathlib import Path
from typing import IO, Any

from tests import forks
from tests.forks import become_evonas


@dataclasses.dataclass(frozen=True)
class Ended:
    """What became of one command."""

    code: int  # of the exit; negative: the signal that ended it
    output: str  # standard output and standard error together
    seconds: float
    kinds: list[str]  # of its steps, see `tests.faults.inject.Steps`

    @property
    def steps(self) -> int:
        return len(self.kinds)


class Forks:
    """The process that forks; ``run`` is ``evonas`` with a fault in it.

    ``always`` are faults of every command.
    """

    def __init__(self, **always: Any) -> None:
        self.always = always
        read, write = os.pipe(), os.pipe()
        self._status = forks.server().serve("tests.faults.forking", read[0], write[1])
        os.close(read[0])
        os.close(write[1])
        self._requests, self._answers = os.fdopen(read[1], "w"), os.fdopen(write[0])

    def run(
        self, *argv: str, cwd: Path, after: float | None = None, sign: int = signal.SIGKILL, **fault: Any
    ) -> Ended:
        """``evonas argv`` in ``cwd``, sent ``sign`` ``after`` so many seconds, with a ``fault`` inside."""
        request = {
            "argv": argv,
            "cwd": str(cwd),
            "after": after,
            "sign": int(sign),
            "fault": {"sign": int(sign), **self.always, **fault},
        }
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        return Ended(**json.loads(self._answers.readline()))

    def close(self) -> None:
        """Let the process end."""
        self._requests.close()
        with self._answers, self._status as status:
            status.read()


def main(requests: IO[str], answers: IO[str]) -> None:
    """Answer the requests until there are no more."""
    for line in requests:
        answers.write(json.dumps(dataclasses.asdict(_forked(json.loads(line)))) + "\n")
        answers.flush()


def _forked(request: dict[str, Any]) -> Ended:
    notes = mmap.mmap(-1, 1 << 20)  # shared: what a killed child has noted is still there
    read, write = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        from tests.faults import inject

        before = functools.partial(inject.prepare, notes, **request["fault"])
        become_evonas(request["argv"], request["cwd"], write, write, before)
    os.close(write)
    output = _listen(read, child, request["after"], request["sign"])
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - started
    os.close(read)
    kinds = notes[: notes.find(b"\0")].decode().splitlines()
    return Ended(os.waitstatus_to_exitcode(status), output.decode(errors="replace"), seconds, kinds)


def _listen(read: int, child: int, after: float | None, sign: int) -> bytes:
    """What the child says until it ends; it is sent a signal when its time has come."""
    said = b""
    deadline = None if after is None else time.monotonic() + after
    with selectors.DefaultSelector() as selector:
        selector.register(read, selectors.EVENT_READ)
        while True:
            patience = None if deadline is None else max(0.0, deadline - time.monotonic())
            if selector.select(patience):
                part = os.read(read, 65536)
                if not part:
                    return said
                said += part
            if deadline is not None and time.monotonic() >= deadline:
                os.kill(child, sign)  # it is not waited for yet, so its number is still its own
                deadline = None
