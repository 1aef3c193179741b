"""One process at a time works on a run directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from spaces.errors import EvonasError

LOCK = "run.lock"  # the operating system lets go of it when its holder dies, however that happens


def acquire(path: Path, holder: Callable[[], str] = lambda: "another process") -> FileLock:
    """The lock of the run at ``path``. Raises `EvonasError` naming who holds it."""
    lock = FileLock(path / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise EvonasError(f"{path} is in use by {holder()}; wait for it, or stop it first") from None
    except OSError as error:
        raise EvonasError(f"cannot write to {path}: {error.strerror or error}") from error
    return lock


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Within the block no other process works on the run at ``path``."""
    lock = acquire(path)
    try:
        yield
    finally:
        lock.release()
