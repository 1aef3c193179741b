"""Test images that are training images, too."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MAX_COMPARED = 20_000  # files; more are not opened only to be compared


def copies(train: Iterable[Path], test: Iterable[Path]) -> int:
    """How many files of ``test`` have the bytes of a file of ``train``; only files of equal sizes are opened.

    0 if more than `MAX_COMPARED` files would have to be opened. A file that cannot be read equals no other.
    """
    learned, held_out = _by_size(train), _by_size(test)
    common = learned.keys() & held_out.keys()
    if sum(len(learned[size]) + len(held_out[size]) for size in common) > MAX_COMPARED:
        return 0
    count = 0
    for size in common:
        digests = {_digest(path) for path in learned[size]} - {None}
        count += sum(_digest(path) in digests for path in held_out[size])
    return count


def _by_size(paths: Iterable[Path]) -> dict[int, list[Path]]:
    by_size: dict[int, list[Path]] = {}
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                by_size.setdefault(status.st_size, []).append(path)
    return by_size


def _digest(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None
