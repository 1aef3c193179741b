"""`evonas ...` as processes of their own, forked from one that has imported everything.

A command that needs PyTorch takes seconds to start and a fork none, so tests of many commands use this. Run as a
program this is the process that forks. What depends on a start of Python (variables that are read while it starts)
needs a real one.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

REPOSITORY = Path(__file__).parents[1]


class Command:
    """One command that runs, with what tests use of `subprocess.Popen`."""

    def __init__(self, argv: tuple[str, ...], status: IO[str], stdout: IO[str], stderr: IO[str] | None) -> None:
        self.args, self.stdout = argv, stdout
        self._status, self._stderr = status, stderr
        self.pid = int(status.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or nothing while the command runs; negative: the signal that ended it."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self) -> int:
        """The exit code, once there is one."""
        if self.returncode is None:
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """Standard output and standard error to the end; the command is killed after ``timeout`` seconds."""
        ending = threading.Timer(timeout, self.send_signal, [signal.SIGKILL])
        ending.start()
        output = self.stdout.read()
        self.wait()
        ending.cancel()
        self.stdout.close()
        if self._stderr is None:
            return output, ""
        self._stderr.seek(0)
        return output, self._stderr.read()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the command has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Forks:
    """The process that forks; ``packages``: a folder of installed packages that it finds besides."""

    def __init__(self, packages: Path | None = None) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = os.pathsep.join(map(str, filter(None, (REPOSITORY, packages))))
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.forks", str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
        theirs.close()

    def start(
        self,
        argv: tuple[str, ...],
        cwd: Path,
        stdout: int,
        stderr: int,
        environment: dict[str, str] | None = None,
    ) -> IO[str]:
        """``evonas argv`` in ``cwd``, writing to two descriptors; the pipe tells its number, then its end.

        After "-c" it is a program instead of ``evonas``. ``environment``: its variables, by default those of the
        process that forks.
        """
        return self._ask({"argv": argv, "cwd": str(cwd), "environment": environment}, stdout, stderr)

    def serve(self, module: str, requests: int, answers: int) -> IO[str]:
        """``module.main(requests, answers)`` with two descriptors; it has imported everything, too."""
        return self._ask({"serve": module}, requests, answers)

    def _ask(self, request: dict, *descriptors: int) -> IO[str]:
        read, write = os.pipe()
        socket.send_fds(self._socket, [json.dumps(request).encode()], [*descriptors, write])
        os.close(write)
        return os.fdopen(read)

    def fileno(self) -> int:
        """The descriptor of the socket that takes requests, for a program that makes its own."""
        return self._socket.fileno()

    def close(self) -> None:
        """Let the process end."""
        self._socket.close()
        self._process.wait()


@functools.cache
def server() -> Forks:
    """The one of this process."""
    forks = Forks()
    atexit.register(forks.close)
    return forks


def start(*argv: str, cwd: Path, apart: bool = False, forks: Forks | None = None) -> Command:
    """``evonas argv`` in ``cwd``; with ``apart`` standard error is not mixed into standard output."""
    read, write = os.pipe()
    stderr = tempfile.TemporaryFile("w+") if apart else None  # noqa: SIM115  (lives as long as the command)
    status = (forks or server()).start(argv, cwd, write, write if stderr is None else stderr.fileno())
    os.close(write)
    return Command(argv, status, os.fdopen(read, encoding="utf-8", errors="backslashreplace"), stderr)


def start_in_terminal(*argv: str, cwd: Path, terminal: int, environment: dict[str, str]) -> Command:
    """``evonas argv`` in ``cwd`` at a terminal, with variables, but for those that Python reads when it starts."""
    status = server().start(argv, cwd, terminal, terminal, environment)
    return Command(argv, status, Path(os.devnull).open(), None)


def run(*argv: str, cwd: Path, forks: Forks | None = None) -> subprocess.CompletedProcess[str]:
    """``evonas argv`` in ``cwd`` to its end."""
    command = start(*argv, cwd=cwd, apart=True, forks=forks)
    output, error = command.communicate()
    return subprocess.CompletedProcess(["evonas", *argv], command.wait(), output, error)


def main() -> None:
    import tests.preloaded  # noqa: F401  (what a child would import)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who watch
    requests = socket.socket(fileno=int(sys.argv[1]))
    while True:
        data, ancillary, _, _ = requests.recvmsg(1 << 20, socket.CMSG_SPACE(3 * array.array("i").itemsize))
        if not data:
            return
        descriptors = array.array("i")
        for _, _, part in ancillary:
            descriptors.frombytes(part)
        if os.fork() == 0:
            requests.close()
            _watch(json.loads(data), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(request: dict, first: int, second: int, status: int) -> NoReturn:
    """Start what is asked for, tell its number, wait, tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(status)
        if "serve" in request:
            with os.fdopen(first) as requests, os.fdopen(second, "w") as answers:
                importlib.import_module(request["serve"]).main(requests, answers)
            os._exit(0)  # nothing of it is wanted any more, and what libraries say at their end neither
        if request["environment"] is not None:
            os.environ.clear()
            os.environ.update(request["environment"])
        become_evonas(request["argv"], request["cwd"], first, second)
    os.write(status, f"{child}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # nobody asked how it would end
        os.write(status, f"{code}\n".encode())
    os._exit(0)


def become_evonas(
    argv: list[str], cwd: str, stdout: int, stderr: int, before: Callable[[], object] = lambda: None
) -> NoReturn:
    """Be ``evonas argv``, or the program after "-c", in ``cwd``, once ``before`` was called; never returns."""
    code: object = 70
    try:
        os.chdir(cwd)
        os.dup2(stdout if os.isatty(stdout) else os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.closerange(3, 64)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(i, "w" if i else "r", encoding="utf-8") for i in range(3))
        sys.argv = ["evonas", *argv]
        from evonas.cli.app import main as evonas

        before()
        if argv[:1] == ["-c"]:
            exec(argv[1], {"__name__": "__main__"})
        else:
            evonas()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 70)


if __name__ == "__main__":
    main()
