"""One process at a time works on a run directory."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from spaces.errors import EvonasError, shorten

LOCK = "run.lock"  # the operating system lets go of it when its holder dies, however that happens
HOLDER = "run.holder"  # who has it, or had it last


def acquire(path: Path) -> FileLock:
    """The lock of the run at ``path``. Raises `EvonasError` naming who holds it."""
    lock = FileLock(path / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise EvonasError(f"{path} is in use by {_holder(path)}; wait for it, or stop it first") from None
    except OSError as error:
        raise EvonasError(f"cannot write to {path}: {error.strerror or error}") from error
    with suppress(OSError):  # who comes second is then told less
        (path / HOLDER).write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
    return lock


def _holder(path: Path) -> str:
    with suppress(OSError, ValueError):
        text = (path / HOLDER).read_text(encoding="utf-8")
        if text.startswith("process ") and text.isprintable():
            return shorten(text, 200).strip("'")
    return "another process"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Within the block no other process works on the run at ``path``."""
    lock = acquire(path)
    try:
        yield
    finally:
        lock.release()
