"""Scores of many architectures, computed by an engine and stored in a small SQLite file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch

from evonas.core.events import Event
from evonas.engine import Engine, InProcess, is_lost
from evonas.engine.scores import networks_per_call, no_score, score_missing
from evonas.store.settings import IDENTITY
from evonas.tables.kept import KeptFile
from fitness import Score, Task, proxies
from spaces.size import CIFAR

FORMAT = 1  # of the settings hash; proxies have their own `fitness.Proxy.version`


_SOUND = (  # SQLite keeps values of any type in any column
    "typeof(architecture) = 'text' AND typeof(value) IN ('real', 'null') AND abs(coalesce(value, 0)) < 9e999 "
    "AND typeof(reason) = 'text' AND typeof(seconds) = 'real'"
)


@dataclass(frozen=True)
class ArchitectureScored(Event):
    """One more architecture of a table has all its scores."""

    done: int  # architectures with all their scores, including stored ones
    total: int
    genotype: str
    seconds: float
    times: Mapping[str, float]  # seconds of each computed score, by proxy
    name: ClassVar[str] = "scored"


Observer = Callable[[ArchitectureScored], None]


def settings_hash(proxy: str, task: Task) -> str:
    """A digest of everything except the genotype that a score of ``proxy`` depends on."""
    entries = {name: _ENTRIES[name](proxy, task) for name in IDENTITY if name != "proxy"}  # a column of its own
    known = {"format": FORMAT} | {name: entry for name, entry in entries.items() if entry is not None}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def _size(proxy: str, task: Task) -> list[int | str]:
    return [value for name, value in vars(task.size).items() if name in IDENTITY["size"] and value != CIFAR]


def _form(proxy: str, task: Task) -> str | None:
    return None if task.populations is None else "population"  # different rounding


def _batch(proxy: str, task: Task) -> list[str] | None:
    if not proxies[proxy].needs_images:
        return None
    _, _ = task.images_and_labels()  # the error of a missing batch names the option
    assert task.batch is not None
    return [_digest(tensor) for tensor in task.batch]


def _digest(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.detach().cpu().contiguous().numpy().tobytes()).hexdigest()[:16]


_ENTRIES: dict[str, Callable[[str, Task], Any]] = {
    "space": lambda proxy, task: task.space.name,
    "size": _size,
    "seed": lambda proxy, task: task.seed,
    "dtype": lambda proxy, task: str(task.dtype),
    "device": lambda proxy, task: torch.device(task.device).type,
    "form": _form,
    "batch": _batch,
}


class ScoreFile(KeptFile):
    """Scores by (architecture, proxy, settings hash) in SQLite."""

    content, option = "scores", "--scores"
    schema = (
        "CREATE TABLE IF NOT EXISTS scores (architecture TEXT, proxy TEXT, settings TEXT, value REAL, "
        "reason TEXT, seconds REAL, version INTEGER NOT NULL DEFAULT 1, "
        "PRIMARY KEY (architecture, proxy, settings)) WITHOUT ROWID"
    )

    def convert(self) -> None:
        """Add the column of the version to older files, which hold scores of version 1."""
        query = "SELECT 1 FROM pragma_table_info('scores') WHERE name = 'version'"
        if self.db.execute(query).fetchone():
            return
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")
            if not self.db.execute(query).fetchone():  # another process may have added it
                self.db.execute("ALTER TABLE scores ADD COLUMN version INTEGER NOT NULL DEFAULT 1")

    def known(self, proxy: str, settings: str) -> dict[str, Score]:
        """All scores of the present version of ``proxy`` under ``settings`` by architecture, except lost ones."""
        with self.reported():
            rows = self.db.execute(
                "SELECT architecture, value, reason, seconds FROM scores "
                f"WHERE proxy = ? AND settings = ? AND version = ? AND {_SOUND}",
                (proxy, settings, proxies[proxy].version),
            )
            return {row[0]: Score(*row[1:]) for row in rows if not is_lost(row[2])}

    def outdated(self, proxy: str, settings: str) -> dict[str, int]:
        """The other versions of the scores of ``proxy`` under ``settings``, by architecture."""
        with self.reported():
            rows = self.db.execute(
                "SELECT architecture, version FROM scores WHERE proxy = ? AND settings = ? AND version != ?",
                (proxy, settings, proxies[proxy].version),
            )
            return dict(rows.fetchall())

    def add(self, architecture: str, found: dict[str, Score], settings: dict[str, str]) -> None:
        """Store the scores of one architecture by proxy in one transaction, except lost ones."""
        rows = [
            (architecture, name, settings[name], *score, proxies[name].version)
            for name, score in found.items()
            if not is_lost(score.reason)
        ]
        with self.reported(), self.db:
            self.db.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def score_and_keep(
    genotypes: Sequence[Any],
    names: Sequence[str],
    task: Task,
    *,
    kept: ScoreFile | None = None,
    engine: Engine | None = None,
    observer: Observer | None = None,
    announce: Callable[[str], object] | None = None,
) -> dict[str, list[Score]]:
    """Scores of every genotype by every proxy of ``names``, by proxy and in the order of ``genotypes``.

    Scores in ``kept`` are reused, and every architecture is stored there as soon as it is scored.
    ``announce`` is told of stored scores of other versions of a proxy, which are recomputed.
    ``engine``, opened, computes them; by default this process.
    """
    names = list(dict.fromkeys(names))
    settings = {name: settings_hash(name, task) for name in names}
    known = {name: kept.known(name, settings[name]) if kept else {} for name in names}
    texts = [str(task.space.canonical(genotype)) for genotype in genotypes]
    todo = {
        text: missing for text in dict.fromkeys(texts) if (missing := [n for n in names if text not in known[n]])
    }
    if kept and announce is not None:
        _announce_outdated(kept, settings, set(texts), announce)
    total = len(set(texts))
    done = total - len(todo)
    wanted = ((task.space.parse(text), tuple(missing)) for text, missing in todo.items())
    engine = InProcess() if engine is None else engine
    engine.share(len(todo), networks_per_call(task))
    scored = engine.map(
        partial(score_missing, task=task), wanted, lost=lambda pair, reason: no_score(pair[1], reason)
    )
    for text, found in zip(todo, scored, strict=True):
        if kept:
            kept.add(text, found, settings)
        done += 1
        for name, score in found.items():
            known[name][text] = score
        if observer is not None:
            times = {name: score.seconds for name, score in found.items()}
            observer(ArchitectureScored(done, total, text, sum(times.values()), times))
    return {name: [known[name][text] for text in texts] for name in names}


def _announce_outdated(
    kept: ScoreFile, settings: dict[str, str], texts: set[str], announce: Callable[[str], object]
) -> None:
    for name, hashed in settings.items():
        versions = [version for text, version in kept.outdated(name, hashed).items() if text in texts]
        if versions:
            announce(
                f"{name} is at version {proxies[name].version} now: {len(versions)} stored scores of version "
                f"{' and '.join(map(str, sorted(set(versions))))} are recomputed"
            )
