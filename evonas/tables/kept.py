"""Finished work in a small SQLite file, which a repeated command reuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

from evonas.store.databases import journalled, synced
from evonas.store.sqlite_errors import is_refusal
from spaces import EvonasError


class KeptFile:
    """One table in SQLite. Every error is an `EvonasError` with one message."""

    content: ClassVar[str]  # what it keeps, in the plural
    option: ClassVar[str]  # that names the file
    schema: ClassVar[str]

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(self.path, timeout=30)
            logged = journalled(self.db, Path(path))
            self.db.execute(synced(logged, durable=False))
            self.db.execute(self.schema)
            self.convert()
        except (sqlite3.Error, OSError, ValueError) as error:
            if hasattr(self, "db"):
                self.db.close()  # otherwise the error would keep its locks
            raise self._unusable(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def convert(self) -> None:
        """Bring a file of an older version up to date."""

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Within the block, errors of SQLite get their message."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> EvonasError:
        text = " ".join(str(error).split())
        advice = (
            f"free disk space and rerun; existing {self.content} are kept"
            if is_refusal(text)
            else f"remove it, or choose another file with {self.option}"
        )
        return EvonasError(f"cannot store {self.content} in {self.path}: {text}; {advice}")
