"""Small settings, and what two runs must have in common to be equal."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from evonas import SearchSettings
from evonas.store import hash_chain as seals
from tests.evonas.trained import pictures, small  # noqa: F401  (fixtures)

TINY: dict[str, Any] = {"channels": 2, "layers": 3, "population": 6, "children": 3, "batch_size": 4}


@pytest.fixture
def tiny() -> Callable[..., SearchSettings]:
    """Settings of a search that takes seconds; overridden by keyword."""
    return lambda **options: SearchSettings(**{**TINY, "proxy": "params", "generations": 4, **options})


@pytest.fixture(autouse=True)
def nothing_waits_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power loss takes is tested in tests/faults; elsewhere nobody needs an fsync for each commit."""
    monkeypatch.setattr("evonas.store.databases.SYNCED", "OFF")
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def content(run: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in run.db that must not depend on interruptions; times are left out."""
    with closing(sqlite3.connect(run / "run.db")) as db:
        facts = dict(db.execute("SELECT key, value FROM meta").fetchall())
        proxy = json.loads(facts["settings"])["proxy"]
        if "objectives" in facts:
            proxy = json.loads(facts["objectives"])[0][0]
        return {
            "individuals": db.execute(
                "SELECT i.birth, generation, parent, genotype, i.canonical, cached, params, flops, value, reason "
                'FROM individuals i JOIN "values" v ON v.canonical = i.canonical AND v.name = ? '
                "LEFT JOIN parents p ON p.birth = i.birth ORDER BY i.birth, position",
                (proxy,),
            ).fetchall(),
            "evaluations": db.execute(
                'SELECT canonical, value, reason FROM "values" WHERE name = ? ORDER BY canonical', (proxy,)
            ).fetchall(),
            "generations": db.execute(
                "SELECT generation, best, mean, std, best_so_far, evaluations, cache_hits, random_state, alive, "
                "state FROM generations ORDER BY generation"
            ).fetchall(),
            "members": db.execute(
                'SELECT canonical, name, value, reason FROM "values" WHERE name != ? ORDER BY canonical, name',
                (proxy,),
            ).fetchall(),
            "statistics": db.execute("SELECT value FROM meta WHERE key = 'composite'").fetchall(),
        }


def reseal(run: Path) -> None:
    """Make the seals of a run fit what its run.db holds now, as an older program that wrote it would have."""
    with sqlite3.connect(run / "run.db") as db:
        seals.add_all(db)
