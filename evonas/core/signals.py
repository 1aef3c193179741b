"""Ctrl-C, SIGTERM and SIGHUP as requests to stop after the current evaluation."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from spaces.errors import EvonasError

REPEAT = "Repeat the command to continue"
PATIENCE = 5.0  # seconds to wait for the message to be written
STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(EvonasError):
    """Stopped on request; finished work is saved."""

    exit_code = 130


def heeded() -> list[signal.Signals]:
    """The signals of `STOPPING` that this process was not started to ignore."""
    return [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def resumable(advice: str, begun: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Within the block finished work is saved: an interruption says so, with ``advice`` on how to continue.

    Not if by then nothing was ``begun``.
    """
    try:
        yield
    except KeyboardInterrupt:
        if not begun():
            raise
        raise Interrupted(f"interrupted; finished work is saved. {advice}") from None


class StopRequest:
    """Whether a stop was requested."""

    requested = False


_open: list[StopRequest] = []  # of the blocks that the main thread is in, the outermost first


@contextmanager
def stop_requests(announce: Callable[[str], None]) -> Iterator[StopRequest]:
    """Within the block the first signal of `STOPPING` sets ``requested``; a second one interrupts at once.

    A repeated SIGHUP does not count: a terminal that closes may send several. Signals that the process was started
    to ignore (`nohup`, background jobs of scripts) stay ignored. Outside the main thread signals are not handled.
    A request is also one of the block around this one, which may have to stop after it.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    said: list[threading.Thread] = []

    def tell() -> None:
        with suppress(Exception):  # a lost message does no harm
            announce("stopping after the current evaluation; press Ctrl-C again to stop now")

    def handle(number: int, frame: FrameType | None) -> None:
        if request.requested:
            if number == getattr(signal, "SIGHUP", None):
                return
            raise KeyboardInterrupt
        request.requested = True
        # this thread may be writing to the same stream
        thread = threading.Thread(target=tell, daemon=True)
        with suppress(RuntimeError):  # threads cannot be started at exit
            thread.start()
            said.append(thread)

    before = {number: signal.signal(number, handle) for number in heeded()}
    _open.append(request)
    try:
        yield request
    finally:
        _open.pop()
        if request.requested and _open:
            _open[-1].requested = True
        for thread in said:
            thread.join(PATIENCE)
        for number, handler in before.items():
            signal.signal(number, handler)
