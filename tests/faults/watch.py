"""What must not happen while something hostile is read: code run, programs started, files written elsewhere."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

RUNS_CODE = {"pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen"}
RUNS_CODE |= {"socket.connect", "socket.bind", "urllib.Request"}
MOVES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
ON_IMPORT = ("__pycache__", "torchinductor_")  # what Python and PyTorch write when a module is first imported
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_inside: list[str] = []  # where files may be written; empty while nobody watches
_seen: list[str] = []


@contextmanager
def watched(directory: Path) -> Iterator[None]:
    """Raises AssertionError for what the block does besides writing into ``directory``; Python tells of it all."""
    _install()
    _seen.clear()
    _inside.append(os.path.realpath(directory))
    try:
        yield
    finally:
        _inside.pop()
        assert not _seen, _seen[:5]


@cache
def _install() -> None:
    tempfile.gettempdir()  # tries on first use whether it can write there
    sys.addaudithook(_told)


def _told(event: str, arguments: tuple[object, ...]) -> None:
    if not _inside:
        return
    if event in RUNS_CODE:
        _seen.append(f"{event} {str(arguments)[:200]}")
    elif event in MOVES or (event in ("open", "sqlite3.connect") and _writes(event, arguments)):
        _elsewhere(event, arguments[0])


def _writes(event: str, arguments: tuple[object, ...]) -> bool:
    if event == "open":
        return isinstance(arguments[2], int) and bool(arguments[2] & WRITING)
    return "mode=ro" not in str(arguments[0])


def _elsewhere(event: str, path: object) -> None:
    if isinstance(path, str | bytes | os.PathLike) and path not in (os.devnull, ":memory:"):
        full = os.path.realpath(os.fsdecode(path))
        if not f"{full}{os.sep}".startswith(_inside[-1] + os.sep) and not any(name in full for name in ON_IMPORT):
            _seen.append(f"{event} {full[:200]}")
