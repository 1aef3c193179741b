"""Standard output and standard error whose reader may go away: work never depends on who watches it."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

UNREAD = (errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN)


class TolerantStream:
    """A text stream that switches to the null device when it cannot be written.

    ``lost`` is the error if the cause was not a missing reader (a closed pipe or terminal) but, say, a full disk.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._switch(error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._switch(error)

    def _switch(self, error: OSError) -> None:
        descriptor = self._stream.fileno()
        if not _is_unread(error, descriptor):
            self.lost = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
        with suppress(OSError):
            self._stream.flush()  # what the buffer still holds


def _is_unread(error: OSError, descriptor: int) -> bool:
    """Whether the pipe is closed, or the terminal is gone."""
    if error.errno == errno.EIO:
        return stat.S_ISCHR(os.fstat(descriptor).st_mode)
    return error.errno in UNREAD


@contextmanager
def tolerant_output() -> Iterator[TolerantStream]:
    """Within the block ``sys.stdout`` and ``sys.stderr`` are tolerant; yields the former."""
    _open_standard_descriptors()
    before = sys.stdout, sys.stderr
    streams = [TolerantStream(stream or open(os.devnull, "w")) for stream in before]  # noqa: SIM115, PTH123
    sys.stdout, sys.stderr = streams
    try:
        yield streams[0]
    finally:
        for stream in streams:
            stream.flush()
        sys.stdout, sys.stderr = before


def _open_standard_descriptors() -> None:
    """A closed descriptor 0, 1 or 2 would be given to the next file, and messages would be written into run.db."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
