"""Writes the rows of one generation."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from evonas.store.individual import Individual


def insert(db: sqlite3.Connection, born: Sequence[Individual], row: tuple[Any, ...]) -> None:
    """Insert the individuals of a generation with their parents, and its ``row``, within a transaction."""
    db.executemany(
        "INSERT INTO individuals VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (one.birth, one.generation, str(one.genotype), one.key, one.cached, one.params, one.flops)
            for one in born
        ),
    )
    db.executemany(
        "INSERT INTO parents VALUES (?, ?, ?)",
        ((one.birth, i, parent) for one in born for i, parent in enumerate(one.parents)),
    )
    db.execute("INSERT INTO generations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
