"""Ctrl-C at any moment."""

from __future__ import annotations

import signal
import threading
from typing import Any

import pytest

from evonas import api
from evonas.cli.app import app
from evonas.core.signals import Interrupted, stop_requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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
    assert len(said) == 1 and "press Ctrl-C again" in said[0]


def test_a_second_signal_stops_at_once_and_who_cannot_be_told_changes_nothing() -> None:
    def announce(text: str) -> None:
        raise OSError("no space left on device")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop_requests(announce) as request:
        signal.raise_signal(signal.SIGINT)
        assert request.requested
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_request_within_a_block_is_one_of_the_block_around_it() -> None:
    with stop_requests(lambda text: None) as search:
        with stop_requests(lambda text: None):
            pass
        assert not search.requested
        with stop_requests(lambda text: None) as training:
            signal.raise_signal(signal.SIGINT)
            assert training.requested and not search.requested
        assert search.requested
    with stop_requests(lambda text: None) as later:
        assert not later.requested


@pytest.mark.parametrize(
    "command", ["search", "resume", "train", "evaluate", "correlate", "benchmark", "score", "report"]
)
def test_a_command_that_is_stopped_where_nothing_is_saved_promises_nothing(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, command, stopped)
    with pytest.raises(Interrupted) as caught:
        app([command, *([] if command == "search" else ["run"])], standalone_mode=False)
    assert str(caught.value) == "interrupted"
