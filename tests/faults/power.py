"""What is on a disk after a power loss, at worst: nothing but what was synced.

A file that was written and not synced is empty; a renaming in a directory not synced since has not happened;
a directory that its parent does not know yet is gone; of SQLite's log there is what its last synced commit left,
and without a log the database is as its last commit left it after which the directory was synced.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

FULL, EXTRA = 2, 3  # levels of "PRAGMA synchronous"
ROLLS_BACK = b"\x01\x01"  # in the header of a database without a log


class Disk:
    """Follows what is synced below the working directory; `lose_power` leaves only that."""

    def __init__(self) -> None:
        self.root = Path.cwd()
        self.unsynced: set[Path] = set()  # files
        self.renamed: dict[Path, bytes | None] = {}  # what was there before, if anything was
        self.made: set[Path] = set()  # directories
        self.logs: dict[Path, int] = {}  # synced bytes
        self.databases: dict[Path, tuple[bytes, bytes | None]] = {}  # synced content, and the rollback journal

    def written(self, path: Path) -> None:
        """A file was opened to be written."""
        self.unsynced.add(path.absolute())

    def synced(self, descriptor: int) -> None:
        """A file or a directory was synced."""
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self.unsynced.discard(path)
        for target in [target for target in self.renamed if target.parent == path]:
            del self.renamed[target]
        self.made -= {made for made in self.made if made.parent == path}

    def renaming(self, source: Path, target: Path) -> None:
        """A file or a directory is about to take the place of another."""
        source, target = source.absolute(), target.absolute()
        if source.is_file():
            self.renamed.setdefault(target, target.read_bytes() if target.is_file() else None)
        if source in self.unsynced:
            self.unsynced.remove(source)
            self.unsynced.add(target)

    def making(self, path: Path) -> None:
        """A directory is about to be made."""
        if not path.exists():
            self.made.add(path.absolute())

    def connected(self, database: Path) -> None:
        """A database was opened; what it finds has survived."""
        log = database.absolute().with_name(database.name + "-wal")
        self.logs.setdefault(log, log.stat().st_size if log.exists() else 0)
        file = database.absolute()
        if file not in self.databases:
            journal = _journal(file)
            content = file.read_bytes() if file.exists() else b""
            self.databases[file] = content, journal.read_bytes() if journal.exists() else None

    def stated(self, db: sqlite3.Connection, statement: str) -> None:
        """A statement was executed; if it committed, it may have been synced."""
        if db.in_transaction or statement.startswith(("SELECT", "PRAGMA")):
            return
        (level,) = sqlite3.Connection.execute(db, "PRAGMA synchronous").fetchone()
        if level < FULL:
            return
        (file,) = [row[2] for row in sqlite3.Connection.execute(db, "PRAGMA database_list") if row[1] == "main"]
        log = Path(file + "-wal")
        if file and log.exists():
            self.logs[log] = log.stat().st_size
        elif file and level == EXTRA:
            self.databases[Path(file)] = Path(file).read_bytes(), None

    def lose_power(self) -> None:
        """Leave what is synced, and nothing else."""
        for path in self.unsynced:
            if path.is_file() and self.root in path.parents:
                os.truncate(path, 0)
        for path, before in self.renamed.items():
            if before is not None:
                path.write_bytes(before)
            else:
                path.unlink(missing_ok=True)
        for log, size in self.logs.items():
            if log.exists() and log.stat().st_size > size:
                os.truncate(log, size)
            log.with_name(log.name.removesuffix("-wal") + "-shm").unlink(missing_ok=True)
        for file, (content, journal) in self.databases.items():
            if file.exists() and file.read_bytes()[18:20] == ROLLS_BACK:
                file.write_bytes(content)
                _journal(file).unlink(missing_ok=True)
                if journal is not None:
                    _journal(file).write_bytes(journal)
        for path in self.made:
            shutil.rmtree(path, ignore_errors=True)


def _journal(database: Path) -> Path:
    return database.with_name(database.name + "-journal")
