"""Files that are written completely or not at all, even after a power loss, and the message if writing fails."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from spaces.errors import EvonasError, UsageError, shorten

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNTOUCHED = "the previous file is unchanged"


def replace(path: Path, content: bytes, advice: str = UNTOUCHED, own: bool = True) -> None:
    """Replace ``path`` atomically: write, sync, rename, and sync the directory.

    With ``own`` no other process may be writing to it. Raises `EvonasError` with ``advice`` on failure.
    """
    if not path.name:  # "" and "." and "/"
        raise UsageError(f"{path} is a directory; give the name of a file")
    temporary = path.with_name(f"{path.name}.part" if own else f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        synchronise(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise refusal(path, error, advice, len(content)) from error


def replace_text(path: Path, text: str, advice: str = UNTOUCHED, own: bool = True) -> None:
    """`replace` with ``text`` in UTF-8."""
    replace(path, text.encode("utf-8", "backslashreplace"), advice, own)  # a path may hold any bytes


def copy(source: Path, target: Path) -> None:
    """Copy a file and sync it to disk."""
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    synchronise(target.parent)


def synchronise(directory: Path) -> None:
    """Sync creations, renames and removals in ``directory`` to disk, unless its file system does not offer it."""
    if os.name != "posix":  # other systems cannot open a directory
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # of some network disks, for a directory
            raise
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create the directory and its parents and sync them. Raises `EvonasError` on failure."""
    try:
        missing = [above for above in (path, *path.parents) if not above.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for directory in missing:
            synchronise(directory.parent)
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or error
        raise EvonasError(f"cannot create {shorten(str(path), 300)}: {text}") from error


def refusal(path: Path, error: OSError, advice: str = UNTOUCHED, size: int | None = None) -> EvonasError:
    """The message for a file that cannot be written: the cause, the free disk space and what to do."""
    room = free(path) if error.errno in FULL else None
    needed = f", {_amount(size)} needed" if size is not None else ""
    why = f"{error.strerror or error}" + (f" ({_amount(room)} free{needed})" if room is not None else "")
    return EvonasError(f"cannot write {path}: {why}; {advice}")


def free(path: Path) -> int | None:
    """Free bytes on the file system of ``path``; None if unknown."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free
    return None


def room(path: Path) -> str:
    """The free disk space as text in parentheses."""
    found = free(path)
    return "" if found is None else f" ({_amount(found)} free)"


def _amount(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
