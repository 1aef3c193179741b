"""Ctrl-C and SIGTERM as requests to stop after the current evaluation."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from spaces.errors import EvonasError

PATIENCE = 5.0  # seconds to wait for the message to be written


class Interrupted(EvonasError):
    """Stopped on request; finished work is saved."""

    exit_code = 130


class StopRequest:
    """Whether a stop was requested."""

    requested = False


@contextmanager
def stop_requests(announce: Callable[[str], None]) -> Iterator[StopRequest]:
    """Within the block the first SIGINT or SIGTERM sets ``requested``; a second one interrupts at once.

    Outside the main thread signals are not handled.
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
            raise KeyboardInterrupt
        request.requested = True
        # this thread may be writing to the same stream
        thread = threading.Thread(target=tell, daemon=True)
        with suppress(RuntimeError):  # threads cannot be started at exit
            thread.start()
            said.append(thread)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for thread in said:
            thread.join(PATIENCE)
        for number, handler in before.items():
            signal.signal(number, handler)
