"""Ctrl-C and SIGTERM as a request that the search answers between two evaluations."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from spaces.errors import EvonasError

PATIENCE = 5.0  # seconds, for what is said to be written


class Interrupted(EvonasError):
    """The search stopped because it was asked to; everything computed is saved."""

    exit_code = 130


class StopRequest:
    """Whether somebody asked to stop."""

    requested = False


@contextmanager
def stop_requests(announce: Callable[[str], None]) -> Iterator[StopRequest]:
    """Within the block the first SIGINT or SIGTERM sets ``requested``; a second one interrupts at once.

    Outside the main thread signals are left alone.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    said: list[threading.Thread] = []

    def tell() -> None:
        with suppress(Exception):  # who could not be told sees it stop
            announce("stopping when what is being computed is done; once more to stop at once")

    def handle(number: int, frame: FrameType | None) -> None:
        if request.requested:
            raise KeyboardInterrupt
        request.requested = True
        # this thread may be in the middle of writing to the same place
        thread = threading.Thread(target=tell, daemon=True)
        with suppress(RuntimeError):  # no thread can be started
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
