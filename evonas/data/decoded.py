"""Decoded images that do not fit in memory, as files that are mapped into it.

A file holds uint8 rows (N, 3, S, S) and nothing else; a JSON file next to it has their digest. Both are written
once, by a process of its own, and renamed; a file that is not whole is written again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.core.atomic_files import make_directory, refusal, replace_text, synchronise
from evonas.core.strict_json import parse_json

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
SHARE = 0.5  # of the free memory that decoded images may take
ADVICE = "set EVONAS_CACHE to a directory with more space"
DAY = 86_400  # seconds after which an unfinished part is removed


def directory() -> Path:
    """$EVONAS_CACHE, else ``evonas`` in $XDG_CACHE_HOME or ~/.cache."""
    own = os.environ.get("EVONAS_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evonas"


def fits(count: int, side: int) -> bool:
    """Whether ``count`` images of ``side`` pixels take at most `SHARE` of the free memory, or that is unknown."""
    from fitness.population.memory import free

    unused = free("cpu")
    return unused is None or size_of(count, side) <= SHARE * unused


def size_of(count: int, side: int) -> int:
    """Bytes of decoded images."""
    return count * 3 * side * side


def place_of(files: Sequence[Path], side: int) -> Path:
    """Where the images of ``files`` are kept: by their paths, sizes and times, and by what decodes them."""
    import PIL
    import torchvision

    found = hashlib.sha256(f"{FORMAT} {side} {PIL.__version__} {torchvision.__version__}".encode())
    for path in files:
        status = path.stat()
        found.update(
            f"\n{path.absolute()} {status.st_size} {status.st_mtime_ns}".encode("utf-8", "surrogateescape")
        )
    return directory() / f"{found.hexdigest()[:32]}.images"


def kept(place: Path, count: int, side: int, decoded: Callable[[], Iterable[Tensor]]) -> Tensor:
    """uint8 (N, 3, side, side), mapped from ``place``, which is written from ``decoded()`` unless it is whole.

    What is written into the tensor does not reach the file. Raises `EvonasError` if it cannot be written.
    """
    import torch

    size = size_of(count, side)
    if not _is_whole(place, size):
        _write(place, size, decoded())
    flat = torch.from_file(str(place), shared=False, size=size, dtype=torch.uint8)
    return flat.view(count, 3, side, side)


def _is_whole(place: Path, size: int) -> bool:
    """Whether the file has the size and the digest that it should have."""
    try:
        facts = parse_json(place.with_suffix(".json").read_text(encoding="utf-8"))
        if facts["format"] != FORMAT or place.stat().st_size != size:
            return False
        with place.open("rb") as file:
            return bool(hashlib.file_digest(file, "sha256").hexdigest() == facts["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write(place: Path, size: int, rows: Iterable[Tensor]) -> None:
    make_directory(place.parent)
    _remove_old_parts(place.parent)
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    digest = hashlib.sha256()
    try:
        with part.open("wb") as file:
            for row in rows:
                content = row.numpy().tobytes()
                digest.update(content)
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
        synchronise(place.parent)
    except OSError as error:
        raise refusal(place, error, ADVICE, size) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    facts = {"format": FORMAT, "sha256": digest.hexdigest()}
    replace_text(place.with_suffix(".json"), json.dumps(facts) + "\n", ADVICE, own=False)


def _remove_old_parts(folder: Path) -> None:
    """What processes left that were killed."""
    for part in folder.glob("*.images.*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > DAY:
                part.unlink()
