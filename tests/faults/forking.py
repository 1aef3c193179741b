"""The command line in children of one process that has imported everything: a start costs a fork, not seconds.

Run as a program this is that process: it reads one request a line, forks, lets the child be ``evonas ...`` with a
fault of `tests.faults.inject` in it, and answers with what became of the child.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import mmap
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.forks import REPOSITORY, become_evonas


@dataclasses.dataclass(frozen=True)
class Ended:
    """What became of one command."""

    code: int  # of the exit; negative: the signal that ended it
    output: str  # standard output and standard error together
    seconds: float
    steps: int  # see `tests.faults.inject.Steps`


class Forks:
    """The process that forks; ``run`` is ``evonas`` with a fault in it."""

    def __init__(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def run(
        self, *argv: str, cwd: Path, after: float | None = None, sign: int = signal.SIGKILL, **fault: Any
    ) -> Ended:
        """``evonas argv`` in ``cwd``, sent ``sign`` ``after`` so many seconds, with a ``fault`` inside."""
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {
            "argv": argv,
            "cwd": str(cwd),
            "after": after,
            "sign": int(sign),
            "fault": {"sign": int(sign), **fault},
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()


def main() -> None:
    import tests.faults.everything  # noqa: F401  (what a child would import)

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        answers.write(json.dumps(dataclasses.asdict(_forked(request))) + "\n")
        answers.flush()
    os._exit(0)  # nothing of it is wanted any more, and what libraries say at their end neither


def _forked(request: dict[str, Any]) -> Ended:
    counter = mmap.mmap(-1, 8)  # shared: what a killed child has counted is still there
    read, write = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        from tests.faults import inject

        before = functools.partial(inject.prepare, counter, **request["fault"])
        become_evonas(request["argv"], request["cwd"], write, write, before)
    os.close(write)
    output = _listen(read, child, request["after"], request["sign"])
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - started
    os.close(read)
    steps = int.from_bytes(counter[:], "little")
    return Ended(os.waitstatus_to_exitcode(status), output.decode(errors="replace"), seconds, steps)


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


if __name__ == "__main__":
    main()
