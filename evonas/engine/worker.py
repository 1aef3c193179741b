"""A worker: it receives the function once, then lists of items, and returns their results.

Nothing heavy is imported here; the imports of the function happen when it arrives.
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

from evonas.core.signals import STOPPING
from evonas.engine.base import Function
from spaces.errors import EvonasError


class Hello(NamedTuple):
    """A process has started and waits for the function."""


class Ready(NamedTuple):
    """A worker has the function."""


class Done(NamedTuple):
    """The results of one list of items."""

    results: list[Any]
    notes: tuple[str, ...]  # warnings


class Failed(NamedTuple):
    """An error to be raised in this process."""

    error: EvonasError
    trace: str


def answer(function: Function, items: list[Any]) -> Done | Failed:
    """The results of ``items`` or an error, with the warnings, because a worker has no terminal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            results = list(function(items))
        except Exception as error:
            return failed(error)
    return Done(results, tuple(str(warning.message) for warning in caught))


def failed(error: Exception) -> Failed:
    """``error`` in a form that can be pickled."""
    if not isinstance(error, EvonasError):
        first_line = str(error).strip().split("\n")[0]
        told = EvonasError(f"a worker failed: {type(error).__name__}: {first_line}")
    else:
        told = error
    return Failed(told, "".join(traceback.format_exception(error)))


def settle(device: str, index: int) -> None:
    """One CPU thread; ``cuda`` is the GPU number ``index`` of those visible, ``cuda:N`` the GPU that it names."""
    import torch

    torch.set_num_threads(1)
    if device == "cuda":
        torch.cuda.set_device(index % torch.cuda.device_count())
    elif device.startswith("cuda"):
        torch.cuda.set_device(device)


def main(connection: Connection, device: str, index: int) -> None:
    """The main loop of a worker process; it ends when the parent ends or closes the connection."""
    for number in STOPPING:  # sent to whole process groups; the parent handles it
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
        return  # the parent has exited


def _die_with_the_parent() -> None:
    """Ends the worker if the parent is killed during a long computation."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _silence() -> None:
    """Silence libraries, whose output would break the live view of the parent; errors and warnings are sent."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
