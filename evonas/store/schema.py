"""The tables of run.db and their rows."""

from __future__ import annotations

from typing import NamedTuple

FORMAT = 5
# 1 lacks members and seals, 2 seals, 4 the digest of its journal; the seals of 3 leave out a composite's members
READABLE = (1, 2, 3, 4, FORMAT)

MEMBERS = """
CREATE TABLE members (              -- of a composite: what each proxy says of a network
    canonical TEXT NOT NULL,
    proxy     TEXT NOT NULL,
    score     REAL,                 -- NULL: could not be computed, see reason
    reason    TEXT NOT NULL,
    seconds   REAL NOT NULL,
    PRIMARY KEY (canonical, proxy)
) WITHOUT ROWID;
"""

SEALS = """
CREATE TABLE seals (                -- see evonas.store.hash_chain
    generation INTEGER PRIMARY KEY,
    digest     TEXT NOT NULL
);
"""

SCHEMA = f"""{MEMBERS}{SEALS}
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE evaluations (          -- one network scored once
    canonical TEXT PRIMARY KEY,     -- the genotype in its canonical form
    score     REAL,                 -- NULL: could not be computed, see reason
    reason    TEXT NOT NULL,
    seconds   REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE individuals (
    birth      INTEGER PRIMARY KEY, -- 0, 1, 2, ... in order of birth
    generation INTEGER NOT NULL,
    parent     INTEGER,             -- birth of the parent; NULL for the first population
    genotype   TEXT NOT NULL,
    canonical  TEXT NOT NULL REFERENCES evaluations,
    cached     INTEGER NOT NULL,    -- 1: an earlier birth was the same network, nothing was computed
    params     INTEGER NOT NULL,
    flops      INTEGER NOT NULL
);
CREATE INDEX individuals_canonical ON individuals (canonical);
CREATE TABLE generations (
    generation   INTEGER PRIMARY KEY,
    best         REAL,              -- over the population after this generation
    mean         REAL,
    std          REAL,
    best_so_far  REAL,
    evaluations  INTEGER NOT NULL,  -- in total
    cache_hits   INTEGER NOT NULL,  -- in total
    random_state TEXT NOT NULL,     -- after this generation
    seconds      REAL NOT NULL      -- spent on this generation by the process that finished it
);
"""


class IndividualRow(NamedTuple):
    """A row of ``individuals`` joined with its score."""

    birth: int
    generation: int
    parent: int | None
    genotype: str
    canonical: str
    cached: bool
    params: int
    flops: int
    score: float | None = None


class GenerationRow(NamedTuple):
    """A row of ``generations``."""

    generation: int
    best: float | None
    mean: float | None
    std: float | None
    best_so_far: float | None
    evaluations: int
    cache_hits: int
    random_state: str
    seconds: float


class Evaluation(NamedTuple):
    """A row of ``evaluations``."""

    canonical: str
    score: float | None
    reason: str
    seconds: float


class MemberRow(NamedTuple):
    """A row of ``members``."""

    canonical: str
    proxy: str
    score: float | None
    reason: str
    seconds: float
