"""What lies in a directory of images, as torchvision's ImageFolder lists it, and what is left out of it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from evonas.data.decode import IMAGE_ENDINGS
from spaces.errors import EvonasError

SYSTEM_ENTRIES = {  # in lower case; so is everything whose name begins with a dot
    *("__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "recycler"),
    *("system volume information", "lost+found", "@eadir", "#recycle", "#snapshot", "__pycache__"),
}
MAX_SHOWN = 5  # items of a list in a message

Identity = tuple[int, int]  # device and inode of a directory


class Entries(NamedTuple):
    """What a directory holds directly, sorted; without hidden and system entries."""

    directories: list[str]
    images: list[str]
    others: list[str]


@dataclass
class LeftOut:
    """What of a folder is not used, counted by reason."""

    hidden: int = 0
    links: int = 0  # that lead back to a directory above
    others: Counter[str] = field(default_factory=Counter)  # files by ending
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = []
        if self.hidden:
            parts.append(plural(self.hidden, "hidden or system entry"))
        if self.others:
            endings = enumerated(sorted(self.others))
            parts.append(f"{plural(self.others.total(), 'file')} of unsupported type ({endings})")
        if self.links:
            parts.append(f"{plural(self.links, 'link')} to a directory above")
        return ", ".join([*parts, *self.notes])


def plural(count: int, noun: str) -> str:
    """``1 image``, ``2 images``, ``2 classes``, ``2 directories``."""
    if count != 1 and noun.endswith("y"):
        noun = f"{noun[:-1]}ie"
    elif count != 1 and noun.endswith("s"):
        noun = f"{noun}e"
    return f"{count} {noun}{'' if count == 1 else 's'}"


def enumerated(items: list[str]) -> str:
    """``items`` separated by commas, at most `MAX_SHOWN` of them."""
    more = f" and {len(items) - MAX_SHOWN} more" if len(items) > MAX_SHOWN else ""
    return ", ".join(items[:MAX_SHOWN]) + more


def identity(directory: str | Path) -> Identity:
    """What a directory is recognised by. Raises `EvonasError` if it cannot be looked at."""
    try:
        status = Path(directory).stat()
    except OSError as error:
        raise EvonasError(f"{directory} cannot be read: {error.strerror or error}") from error
    return status.st_dev, status.st_ino


def entries(directory: str | Path, left_out: LeftOut, above: frozenset[Identity] = frozenset()) -> Entries:
    """What ``directory`` holds; hidden entries and links to a directory in ``above`` are counted in ``left_out``.

    Raises `EvonasError` for a directory that cannot be read.
    """
    found = Entries([], [], [])
    try:
        with os.scandir(directory) as listed:
            for entry in listed:
                if entry.name.startswith(".") or entry.name.casefold() in SYSTEM_ENTRIES:
                    left_out.hidden += 1
                elif not _is_directory(entry):
                    image = entry.name.lower().endswith(IMAGE_ENDINGS)
                    (found.images if image else found.others).append(entry.name)
                elif entry.is_symlink() and identity(entry.path) in above:
                    left_out.links += 1
                else:
                    found.directories.append(entry.name)
    except OSError as error:
        raise EvonasError(f"{directory} cannot be read: {error.strerror or error}") from error
    for names in found:
        names.sort()
    return found


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def images_below(directory: Path, left_out: LeftOut, above: frozenset[Identity] = frozenset()) -> list[Path]:
    """Every image in ``directory`` and in the directories below it, in the order of torchvision's ImageFolder.

    Links are followed, but not to a directory that is being read. Raises `EvonasError` as `entries` does.
    """
    by_directory: list[tuple[str, list[str]]] = []
    waiting = [(str(directory), above)]
    while waiting:
        path, over = waiting.pop()
        inside = over | {identity(path)}
        found = entries(path, left_out, inside)
        left_out.others.update(_ending(name) for name in found.others)
        by_directory.append((path, found.images))
        waiting += [(f"{path}{os.sep}{name}", inside) for name in found.directories]
    by_directory.sort()
    return [parent / name for path, names in by_directory for parent in [Path(path)] for name in names]


def class_directories(directory: Path, left_out: LeftOut, above: frozenset[Identity] = frozenset()) -> list[str]:
    """The names of the directories in ``directory``; what else it holds is counted in ``left_out``."""
    found = entries(directory, left_out, above | {identity(directory)})
    left_out.others.update(_ending(name) for name in found.others)
    if found.images:
        left_out.notes.append(f"{plural(len(found.images), 'image')} directly in {directory}")
    return found.directories


def _ending(name: str) -> str:
    """The ending of a file name in lower case, for a message."""
    return Path(name).suffix.lower() or "no ending"
