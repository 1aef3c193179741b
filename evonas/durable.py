"""Files that are there as a whole or not at all, also after a power loss; and what is said when they cannot be."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from spaces.errors import EvonasError, shorten

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNTOUCHED = "what was there before is untouched"


def replace(path: Path, content: bytes, advice: str = UNTOUCHED, own: bool = True) -> None:
    """Replace ``path`` in one step, once all is on the disk: written, synced, renamed, and the renaming synced.

    ``own`` says that no other process may be writing to it. Raises `EvonasError` with ``advice`` if that fails.
    """
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
    replace(path, text.encode(), advice, own)


def copy(source: Path, target: Path) -> None:
    """A copy of a file, on the disk."""
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    synchronise(target.parent)


def synchronise(directory: Path) -> None:
    """See what was created, renamed and removed in ``directory`` onto the disk."""
    if os.name != "posix":  # elsewhere a directory cannot be opened
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """The directory and those above it, on the disk. Raises `EvonasError` if it cannot be."""
    try:
        missing = [above for above in (path, *path.parents) if not above.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for directory in missing:
            synchronise(directory.parent)
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or error
        raise EvonasError(f"cannot create {shorten(str(path), 300)}: {text}") from error


def refusal(path: Path, error: OSError, advice: str = UNTOUCHED, size: int | None = None) -> EvonasError:
    """What is said of a file that cannot be written: why, how much room there is, and what to do."""
    room = free(path) if error.errno in FULL else None
    needed = f", {_amount(size)} are needed" if size is not None else ""
    why = f"{error.strerror or error}" + (f" ({_amount(room)} are free{needed})" if room is not None else "")
    return EvonasError(f"cannot write {path}: {why}; {advice}")


def free(path: Path) -> int | None:
    """Bytes that are free where ``path`` lies; None where the system does not say."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free
    return None


def room(path: Path) -> str:
    """The same in words, in brackets."""
    found = free(path)
    return "" if found is None else f" ({_amount(found)} are free)"


def _amount(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
