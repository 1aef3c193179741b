"""What the workers of these tests are given: functions that a new interpreter can import."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from spaces import EvonasError


def act(items: list[tuple[str, Any]]) -> list[Any]:
    """Each item says what is to happen."""
    return [_act(what, with_) for what, with_ in items]


def _act(what: str, value: Any) -> Any:
    if what == "double":
        return 2 * value
    if what == "sleep":
        time.sleep(value)
    elif what == "pid":
        return os.getpid()
    elif what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "die once":
        if not Path(value).exists():
            Path(value).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    elif what == "evonas error":
        raise EvonasError(value)
    elif what == "value error":
        raise ValueError(value)
    elif what == "warn":
        warnings.warn(value, stacklevel=1)
    elif what == "print":
        os.write(1, b"torn view\n")
        os.write(2, b"torn view\n")
    return value


def hang_at(function: Callable[[list[Any]], Iterable[Any]], genotype: str, items: list[Any]) -> list[Any]:
    """``function``, which has no end for one genotype."""
    if genotype in map(str, items):
        time.sleep(600)
    return list(function(items))


class Unreadable:
    """Can be sent, and cannot be received."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _broken_import, ()

    def __call__(self, items: list[Any]) -> list[Any]:
        return items


def _broken_import() -> None:
    raise ImportError("libsomething.so.1: cannot open shared object file")
