"""Ctrl-C at any moment."""

from __future__ import annotations

import signal
import threading

import pytest

from evonas.interrupts import stop_requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_said_waits_for_the_line_that_is_being_written(number: signal.Signals) -> None:
    stream, said = threading.Lock(), []

    def announce(text: str) -> None:
        if not stream.acquire(timeout=10):
            raise RuntimeError("reentrant call, as a buffered stream would say")
        said.append(text)
        stream.release()

    with stop_requests(announce) as request:
        with stream:
            signal.raise_signal(number)
        assert request.requested
    assert len(said) == 1 and "once more" in said[0]


def test_a_second_signal_stops_at_once_and_who_cannot_be_told_changes_nothing() -> None:
    def announce(text: str) -> None:
        raise OSError("no space left on device")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop_requests(announce) as request:
        signal.raise_signal(signal.SIGINT)
        assert request.requested
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
