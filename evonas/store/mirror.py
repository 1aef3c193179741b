"""Brings a copy of a run up to date, file by file, in the order in which a run writes them.

A database is copied by the backup interface of SQLite (https://www.sqlite.org/backup.html), which sees one state
of it while others write. Every file is written to one side first and then renamed. A process that is killed
meanwhile leaves what one that was killed at its work could have left, and a resume continues there.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import TypeAlias

from evonas.core.atomic_files import copy, make_directory, refusal, synchronise
from evonas.store.aside import is_about_the_winner, move
from evonas.store.databases import ENDINGS, unlogged
from evonas.store.queries import BEST
from spaces.errors import EvonasError

COMPLETE = "what was copied before is unchanged"
STAGING = "run.copy"  # a directory in the copy; a new run may be written next to it
OWN_FILES = re.compile(r".*(\.part|\.lock|\.holder|-wal|-shm|-journal)")  # of a process or of a database
DATABASE = re.compile(r".*\.db(\.[0-9]+)?")
UNFINISHED = re.compile(
    r"(.*/)?([0-9a-f]{16}|shard-[0-9]+-of-[0-9]+)/.*"
)  # trainings, which are removed at their end
STATE = re.compile(r"state/[0-9]+\.safetensors")  # of a generation, which run.db refers to
TRAINING, ASIDE = "train", re.compile(r"train\.([0-9]+)/.*")
ORDER = ("settings.json", "plan.json", "best.safetensors", "last.safetensors", "metrics.csv", "result.json")
LAST = (".csv", ".json", ".croissant.json")  # a table, and what describes it
Signature: TypeAlias = tuple[int, ...]  # differs after every change of a file


@dataclass
class Mirror:
    """The files below ``parts`` of ``source``, and their copy in ``target``."""

    source: Path
    target: Path
    parts: Sequence[str] = ("",)  # files and directories
    staging: Path | None = None  # by default in the copy
    _copied: dict[str, Signature] = field(default_factory=dict)  # files of the source, as they were then

    def follow(self) -> None:
        """Take the copy to be up to date."""
        self._copied = self._files()

    @property
    def lost(self) -> bool:
        """Whether copied files are no longer in the source, though a run does not remove them."""
        now = self._files()
        return not self.source.is_dir() or any(
            name not in now and not _removable(name) for name in self._known(self._aside(now))
        )

    def update(self) -> bool:
        """Copy what has changed; returns whether something has. Raises `EvonasError` if it cannot be written."""
        now = self._files()
        aside = self._aside(now)
        known = self._known(aside)
        changed = sorted((name for name, found in now.items() if known.get(name) != found), key=_rank)
        gone = [name for name in known if name not in now and _removable(name)]
        if not changed and not gone and aside is None:
            return False
        place = self.staging or self.target / STAGING
        rmtree(place, ignore_errors=True)
        make_directory(place)
        try:
            self._stage(changed, place)
            self._rename(changed, place, aside)
            for name in gone:
                self._remove(name)
        except OSError as error:
            raise refusal(self.target, error, COMPLETE) from error
        finally:
            rmtree(place, ignore_errors=True)
        self._copied = now
        return True

    def _stage(self, names: Sequence[str], place: Path) -> None:
        """Copy to one side, what is written last first: workers may write to all but the databases meanwhile."""
        for number, name in reversed([*enumerate(names)]):
            source, staged = self.source / name, place / str(number)
            try:
                if DATABASE.fullmatch(name):
                    _back_up(source, staged)
                else:
                    copy(source, staged)
            except (FileNotFoundError, sqlite3.OperationalError) as error:
                if source.exists() or not _removable(name):
                    raise refusal(self.target / name, _os_error(error), COMPLETE) from error

    def _rename(self, names: Sequence[str], place: Path, aside: str | None) -> None:
        for number, name in enumerate(names):
            database = DATABASE.fullmatch(name) is not None
            if aside is not None and not database and not STATE.fullmatch(name):
                move(self.target / TRAINING, self.target / aside)
                aside = None
            final, staged = self.target / name, place / str(number)
            if not staged.exists():
                continue
            make_directory(final.parent)
            if database:
                for ending in ENDINGS:  # they belong to the file that was
                    final.with_name(final.name + ending).unlink(missing_ok=True)
            staged.replace(final)
            synchronise(final.parent)
        if aside is not None:
            move(self.target / TRAINING, self.target / aside)

    def _remove(self, name: str) -> None:
        """A file, and the directories that are empty without it."""
        (self.target / name).unlink(missing_ok=True)
        for parent in [*(self.target / name).relative_to(self.target).parents][:-1]:
            try:
                (self.target / parent).rmdir()
            except OSError:  # others are in it
                break

    def _aside(self, now: dict[str, Signature]) -> str | None:
        """The new directory of the copied training; None if it is where it was."""
        numbers = {int(found[1]) for name in now if (found := ASIDE.fullmatch(name))}
        new = [number for number in sorted(numbers) if not (self.target / f"{TRAINING}.{number}").exists()]
        begun = any(name.startswith(f"{TRAINING}/") for name in self._copied)
        return f"{TRAINING}.{new[0]}" if new and begun else None

    def _known(self, aside: str | None) -> dict[str, Signature]:
        """The copied files by the names that they have when the training is at ``aside``."""
        if aside is None:
            return self._copied
        moved = {}
        for name, found in self._copied.items():
            first, _, rest = name.partition("/")
            now = f"{aside}/{name}" if is_about_the_winner(first) else name
            moved[f"{aside}/{rest}" if first == TRAINING else now] = found
        return moved

    def _files(self) -> dict[str, Signature]:
        found = ((name, _signature(self.source / name)) for name in _walk(self.source, self.parts))
        return {name: signature for name, signature in found if signature is not None}


def _walk(root: Path, parts: Sequence[str]) -> Iterator[str]:
    for part in parts:
        if part and (root / part).is_file():
            yield part
        for place, directories, names in os.walk(root / part):
            directories[:] = [name for name in directories if name != STAGING]
            for name in names:
                path = Path(place, name)
                if not OWN_FILES.fullmatch(name) and not path.is_symlink():
                    yield path.relative_to(root).as_posix()


def _signature(path: Path) -> Signature | None:
    """None for a file that is missing by now."""
    names = [path, path.with_name(path.name + "-wal")] if DATABASE.fullmatch(path.name) else [path]
    found: list[int] = []
    for name in names:
        with suppress(OSError):
            status = name.stat()
            found += [status.st_ino, status.st_size, status.st_mtime_ns]
    return tuple(found) or None


def _rank(name: str) -> tuple[int, str]:
    base = name.rpartition("/")[2]
    if STATE.fullmatch(name) or DATABASE.fullmatch(name):
        return DATABASE.fullmatch(name) is not None, name
    if base in ORDER:
        return 2 + ORDER.index(base), name
    return len(ORDER) + 2 + sum(base.endswith(ending) * (1 + LAST.index(ending)) for ending in LAST), name


def _removable(name: str) -> bool:
    return name == BEST or any(one.fullmatch(name) for one in (UNFINISHED, STATE))


def _back_up(source: Path, target: Path) -> None:
    """One state of a database as a file that needs no other; a damaged one byte by byte."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as old,
            closing(sqlite3.connect(target, isolation_level=None)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # opening the copy says what is wrong
        for ending in ("", *ENDINGS):
            target.with_name(target.name + ending).unlink(missing_ok=True)
        copy(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _os_error(error: Exception) -> OSError:
    return error if isinstance(error, OSError) else OSError(0, " ".join(str(error).split()))


def settle(root: Path, parts: Sequence[str]) -> None:
    """Undo or complete what killed processes left half written in the databases below ``parts`` of ``root``.

    Afterwards each is one file that can be replaced. Raises `EvonasError` if others read one of them.
    """
    for name in filter(DATABASE.fullmatch, _walk(root, parts)):
        try:
            unlogged(root / name)
        except sqlite3.OperationalError as error:
            raise EvonasError(
                f"cannot work on {root / name}: {error}; wait until no other process reads it"
            ) from error
        except sqlite3.DatabaseError:  # damaged: opening it says so
            continue
