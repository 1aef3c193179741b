"""One process at a time works on a run directory."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from evonas.core.notices import notice
from spaces.errors import EvonasError, shorten

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # of some network disks
LOCK = ".lock"  # the operating system releases it when its holder dies
HOLDER = ".holder"  # its present or last holder


def acquire(path: Path, name: str = "run") -> FileLock:
    """The lock ``name`` of the run at ``path``. Raises `EvonasError` naming the process that holds it.

    On a disk without locks it is not held, and a notice says so.
    """
    holder = path / (name + HOLDER)
    lock = FileLock(path / (name + LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        what = path if name == "run" else path / name
        raise EvonasError(f"{what} is in use by {_holder(holder)}; wait until it ends, or stop it") from None
    except (OSError, NotImplementedError) as error:  # the second one is that of some versions for ENOSYS
        code = getattr(error, "errno", errno.ENOSYS)
        if code not in WITHOUT_LOCKS:
            raise EvonasError(
                f"cannot write to {path}: {getattr(error, 'strerror', None) or error}; nothing was changed"
            ) from error
        notice(
            ("lock", path),
            lambda: f"the disk of {path} has no locks: make sure that no other process works on {path}",
            left_out=True,
        )
    with suppress(OSError):  # a second process then cannot name the holder
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
    return lock


def _holder(file: Path) -> str:
    with suppress(OSError, ValueError):
        text = file.read_text(encoding="utf-8")
        if text.startswith("process ") and text.isprintable():
            return shorten(text, 200).strip("'")
    return "another process"


@contextmanager
def held(path: Path, name: str = "run", leave_nothing: bool = False) -> Iterator[None]:
    """Within the block no other process works on the run at ``path``, or on its part ``name``.

    ``leave_nothing`` removes the files of the lock with it. A process that opens them at that moment may then work
    at the same time as the next one, so it is for work that two processes can do twice without harm.
    """
    lock = acquire(path, name)
    try:
        yield
    finally:
        if leave_nothing:
            for ending in (HOLDER, LOCK):
                with suppress(OSError):
                    (path / (name + ending)).unlink()
        lock.release()
