"""What a worker does: the function reaches it once, then lists of items come and answers go.

Nothing heavy is imported here: what the function needs is imported when it arrives.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
import warnings
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from evonas.engine.base import Function
from spaces.errors import EvonasError


class Hello(NamedTuple):
    """A process is there and waits for the function."""


class Ready(NamedTuple):
    """A worker holds the function."""


class Done(NamedTuple):
    """The results of one list of items."""

    results: list[Any]
    notes: tuple[str, ...]  # warnings


class Failed(NamedTuple):
    """An error that would have been raised here."""

    error: EvonasError
    trace: str


def answer(function: Function, items: list[Any]) -> Done | Failed:
    """The results of ``items``, or what went wrong; warnings travel along, for a worker has no terminal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            results = list(function(items))
        except Exception as error:
            return failed(error)
    return Done(results, tuple(str(warning.message) for warning in caught))


def failed(error: Exception) -> Failed:
    """``error`` as it can travel."""
    if not isinstance(error, EvonasError):
        first_line = str(error).strip().split("\n")[0]
        told = EvonasError(f"a worker failed: {type(error).__name__}: {first_line}")
    else:
        told = error
    return Failed(told, "".join(traceback.format_exception(error)))


def settle(device: str, index: int) -> None:
    """One CPU thread, and the GPU number ``index`` of those visible if the device is any ``cuda``."""
    import torch

    torch.set_num_threads(1)
    if device == "cuda":
        torch.cuda.set_device(index % torch.cuda.device_count())


def main(connection: Connection, device: str, index: int) -> None:
    """The life of a worker process; it ends when the process that started it ends or closes the connection."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to whole process groups; it is the parent that answers
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    _silence()
    try:
        connection.send(Hello())
        try:
            function = connection.recv()
            settle(device, index)
        except (EOFError, OSError):
            return
        except Exception as error:
            connection.send(failed(error))
            return
        connection.send(Ready())
        while True:
            connection.send(answer(function, connection.recv()))
    except (EOFError, OSError):
        return  # the parent has gone


def _die_with_the_parent() -> None:
    """A worker in the middle of a long computation must not outlive a parent that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _silence() -> None:
    """Whatever libraries write would tear the parent's live view apart; errors and warnings are sent instead."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
