"""Scores of many architectures: kept in a small SQLite file, computed by several processes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

import torch

from fitness import Score, Task, proxies, score_all
from spaces import EvonasError

FORMAT = 1  # of the settings hash: raised when the meaning of a stored score changes


class Progress(NamedTuple):
    """One more architecture scored."""

    done: int  # architectures with all their scores, those found in the file included
    total: int
    genotype: str
    seconds: float


Observer = Callable[[Progress], None]


def settings_hash(proxy: str, task: Task) -> str:
    """A digest of everything besides the genotype that a score of ``proxy`` depends on."""
    settings: dict[str, Any] = {
        "format": FORMAT,
        "space": task.space.name,
        "size": [task.size.channels, task.size.layers, task.size.classes, task.size.image_size],
        "seed": task.seed,
        "dtype": str(task.dtype),
        "device": torch.device(task.device).type,
    }
    if proxies[proxy].needs_images:
        _, _ = task.images_and_labels()  # a missing batch is an error that names the option
        assert task.batch is not None
        settings["batch"] = [_digest(tensor) for tensor in task.batch]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _digest(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.detach().cpu().contiguous().numpy().tobytes()).hexdigest()[:16]


class ScoreFile:
    """Scores by (architecture, proxy, settings hash) in SQLite; ``path`` None keeps them in memory."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = str(path) if path is not None else ":memory:"
        try:
            if path is not None:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=30)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS scores (architecture TEXT, proxy TEXT, settings TEXT, value REAL, "
                "reason TEXT, seconds REAL, PRIMARY KEY (architecture, proxy, settings)) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as error:
            raise EvonasError(f"the scores cannot be kept in {self.path}: {error}") from None

    def __enter__(self) -> ScoreFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def known(self, proxy: str, settings: str) -> dict[str, Score]:
        """All scores of ``proxy`` under ``settings``, by architecture."""
        rows = self._db.execute(
            "SELECT architecture, value, reason, seconds FROM scores WHERE proxy = ? AND settings = ?",
            (proxy, settings),
        )
        return {architecture: Score(value, reason, seconds) for architecture, value, reason, seconds in rows}

    def add(self, architecture: str, found: dict[str, Score], settings: dict[str, str]) -> None:
        """Store the scores of one architecture by proxy, all or none of them."""
        rows = [(architecture, name, settings[name], *score) for name, score in found.items()]
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?)", rows)


def score_and_keep(
    genotypes: Sequence[Any],
    names: Sequence[str],
    task: Task,
    *,
    kept: ScoreFile | None = None,
    workers: int = 1,
    observer: Observer | None = None,
) -> dict[str, list[Score]]:
    """Scores of every genotype by every proxy of ``names``, by proxy and in the order of ``genotypes``.

    What ``kept`` knows is not computed again, and every architecture is stored there as soon as it is scored.
    ``workers`` processes compute in parallel; a score is computed in one thread and does not depend on them.
    """
    kept = kept or ScoreFile()
    names = list(dict.fromkeys(names))
    settings = {name: settings_hash(name, task) for name in names}
    known = {name: kept.known(name, settings[name]) for name in names}
    texts = [str(task.space.canonical(genotype)) for genotype in genotypes]
    todo = {
        text: missing for text in dict.fromkeys(texts) if (missing := [n for n in names if text not in known[n]])
    }
    total = len(set(texts))
    done = total - len(todo)
    for text, found in _compute(todo, task, workers):
        kept.add(text, found, settings)
        done += 1
        for name, score in found.items():
            known[name][text] = score
        if observer is not None:
            observer(Progress(done, total, text, sum(score.seconds for score in found.values())))
    return {name: [known[name][text] for text in texts] for name in names}


def _compute(todo: dict[str, list[str]], task: Task, workers: int) -> Iterator[tuple[str, dict[str, Score]]]:
    """(architecture, scores) as they are ready."""
    if workers <= 1 or len(todo) <= 1:
        for text, names in todo.items():
            yield text, _score(text, names, task)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(todo)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(task,),
    )
    try:
        waiting: dict[Future[dict[str, Score]], str] = {
            pool.submit(_score_in_worker, text, names): text for text, names in todo.items()
        }
        while waiting:
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ready:
                yield waiting.pop(future), future.result()
    except BrokenProcessPool:
        raise EvonasError(
            f"one of {workers} worker processes died, perhaps for want of memory; "
            "the scores so far are kept: run the same again with fewer workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _score(text: str, names: Sequence[str], task: Task) -> dict[str, Score]:
    (found,) = score_all([task.space.parse(text)], names, task)
    return found


_worker_task: Task | None = None  # set once in every worker process


def _start_worker(task: Task) -> None:
    global _worker_task
    torch.set_num_threads(1)
    _worker_task = task


def _score_in_worker(text: str, names: Sequence[str]) -> dict[str, Score]:
    assert _worker_task is not None
    return _score(text, names, _worker_task)
