"""The last intact generation of a database that may be damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from evonas.store import hash_chain
from evonas.store.databases import reading
from evonas.store.integrity import check_tables


def last_sound(file: Path) -> int | None:
    """The last generation of the database ``file`` up to which it is intact."""
    found = None
    try:
        with closing(reading(file)) as db:
            check_tables(db)
            for generation in hash_chain.sound(db):
                found = generation
    except (sqlite3.Error, ValueError, KeyError, TypeError, AttributeError):
        pass  # unreadable from here on
    return found
