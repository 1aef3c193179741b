"""Turns a run of the present format into one of a former format, as the programs of then wrote it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from evonas.store import former, hash_chain

TABLES = """
CREATE TABLE members (
    canonical TEXT NOT NULL, proxy TEXT NOT NULL, score REAL, reason TEXT NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (canonical, proxy)
) WITHOUT ROWID;
CREATE TABLE evaluations (
    canonical TEXT PRIMARY KEY, score REAL, reason TEXT NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE individuals (
    birth INTEGER PRIMARY KEY, generation INTEGER NOT NULL, parent INTEGER, genotype TEXT NOT NULL,
    canonical TEXT NOT NULL REFERENCES evaluations, cached INTEGER NOT NULL, params INTEGER NOT NULL,
    flops INTEGER NOT NULL
);
CREATE INDEX individuals_canonical ON individuals (canonical);
CREATE TABLE generations (
    generation INTEGER PRIMARY KEY, best REAL, mean REAL, std REAL, best_so_far REAL, evaluations INTEGER NOT NULL,
    cache_hits INTEGER NOT NULL, random_state TEXT NOT NULL, seconds REAL NOT NULL
);
"""
NAMES = ("individuals", "parents", "generations", "values")


def write_former(run: Path, version: int) -> None:
    """Rewrite run.db in a format from 1 to 5."""
    with closing(sqlite3.connect(run / "run.db", isolation_level=None)) as db:
        proxy = json.loads(db.execute("SELECT value FROM meta WHERE key = 'settings'").fetchone()[0])["proxy"]
        db.execute("BEGIN")
        db.execute("DROP INDEX individuals_canonical")
        for name in NAMES:
            db.execute(f'ALTER TABLE "{name}" RENAME TO new_{name}')
        for statement in TABLES.split(";\n"):
            db.execute(statement)
        db.execute(
            "INSERT INTO evaluations SELECT canonical, value, reason, seconds FROM new_values WHERE name = ?",
            (proxy,),
        )
        db.execute("INSERT INTO members SELECT * FROM new_values WHERE name != ?", (proxy,))
        db.execute(
            "INSERT INTO individuals SELECT i.birth, generation, parent, genotype, canonical, cached, params, "
            "flops FROM new_individuals i LEFT JOIN new_parents p ON p.birth = i.birth"
        )
        db.execute(
            "INSERT INTO generations SELECT generation, best, mean, std, best_so_far, evaluations, cache_hits, "
            "random_state, seconds FROM new_generations"
        )
        for name in NAMES:
            db.execute(f"DROP TABLE new_{name}")
        db.execute(f"PRAGMA user_version = {version}")
        if version >= 3:
            before = hash_chain.beginning(db)
            for (generation,) in db.execute("SELECT generation FROM generations ORDER BY 1").fetchall():
                before = former.seal(db, generation, before, version)
                db.execute("UPDATE seals SET digest = ? WHERE generation = ?", (before, generation))
        else:
            db.execute("DROP TABLE seals")
        if version >= 5:
            digest = former.journal(db, former.unborn(db))
            db.execute("UPDATE meta SET value = ? WHERE key = 'journal'", (digest,))
        else:
            db.execute("DELETE FROM meta WHERE key = 'journal'")
        if version < 2:
            db.execute("DROP TABLE members")
        db.execute("COMMIT")
