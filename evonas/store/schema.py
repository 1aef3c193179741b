"""The tables of run.db and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

FORMAT = 6
READABLE = (1, 2, 3, 4, 5, FORMAT)  # those before 6 are described in `evonas.store.former`

SEALS = """
CREATE TABLE seals (                -- see evonas.store.hash_chain
    generation INTEGER PRIMARY KEY,
    digest     TEXT NOT NULL
);
"""

TABLES = """
CREATE TABLE "values" (             -- a number of a network: an objective, or a member of a composite
    canonical TEXT NOT NULL,        -- the genotype in its canonical form
    name      TEXT NOT NULL,
    value     REAL,                 -- NULL: could not be computed, see reason
    reason    TEXT NOT NULL,
    seconds   REAL NOT NULL,
    PRIMARY KEY (canonical, name)
) WITHOUT ROWID;
CREATE TABLE individuals (
    birth      INTEGER PRIMARY KEY, -- 0, 1, 2, ... in order of birth
    generation INTEGER NOT NULL,
    genotype   TEXT NOT NULL,
    canonical  TEXT NOT NULL,
    cached     INTEGER NOT NULL,    -- 1: an earlier birth was the same network, nothing was computed
    params     INTEGER NOT NULL,
    flops      INTEGER NOT NULL
);
CREATE INDEX individuals_canonical ON individuals (canonical);
CREATE TABLE parents (              -- none for a genotype that was drawn at random
    birth    INTEGER NOT NULL,
    position INTEGER NOT NULL,      -- 0, 1, ...
    parent   INTEGER NOT NULL,      -- its birth
    PRIMARY KEY (birth, position)
) WITHOUT ROWID;
CREATE TABLE generations (
    generation   INTEGER PRIMARY KEY,
    best         REAL,              -- over the population after this generation
    mean         REAL,
    std          REAL,
    best_so_far  REAL,
    evaluations  INTEGER NOT NULL,  -- in total
    cache_hits   INTEGER NOT NULL,  -- in total
    random_state TEXT NOT NULL,     -- after this generation
    alive        TEXT NOT NULL,     -- births of the population, as JSON: [first, last] of each run of numbers
    state        BLOB NOT NULL,     -- of the algorithm, see evonas.store.state
    seconds      REAL NOT NULL      -- spent on this generation by the process that finished it
);
"""
META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;\n"
SCHEMA = f"{SEALS}{META}{TABLES}"
STATISTICS = "generation, best, mean, std, best_so_far, evaluations, cache_hits, random_state, seconds"


class GenerationRow(NamedTuple):
    """The counts and statistics of a generation."""

    generation: int
    best: float | None
    mean: float | None
    std: float | None
    best_so_far: float | None
    evaluations: int
    cache_hits: int
    random_state: str
    seconds: float


class Value(NamedTuple):
    """A row of ``values``."""

    canonical: str
    name: str
    value: float | None
    reason: str
    seconds: float


def seconds_per_generation(rows: Sequence[GenerationRow]) -> float | None:
    """The mean time of a generation after the first population, asking and scoring; None before there is one."""
    seconds = [row.seconds for row in rows if row.generation > 0]
    return sum(seconds) / len(seconds) if seconds else None
