"""What has been attacked already: one SQLite file that an interrupted evaluation goes on from.

An entry is one attack on one chunk of images. Its key is a digest of everything that its outcome depends on: the
weights, the very images and labels, the attack with its numbers, epsilon, seed, versions and kind of device. So an
entry of other weights or other images is never found, and what is found is what would be computed again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evonas.durable import room
from evonas.faults import is_refusal
from evonas.strict_json import parse_json
from spaces.errors import EvonasError

FORMAT = 1
_TABLE = (
    "CREATE TABLE IF NOT EXISTS outcomes (key TEXT PRIMARY KEY, attack TEXT, epsilon REAL, "
    "still TEXT NOT NULL, seconds REAL, written REAL)"
)


def digest(content: Any) -> str:
    """SHA-256 of what JSON makes of ``content``."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def tensors_digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and values."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _indices(text: Any) -> list[int]:
    found = parse_json(text)
    if not isinstance(found, list) or not all(type(index) is int and index >= 0 for index in found):
        raise ValueError("an entry holds no numbers of images")
    return found


class Journal:
    """Outcomes by key; without a path they are forgotten with the object."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        with self._reported():
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=60)
            try:
                self._begin()
            except BaseException:
                self._db.close()  # or its locks would last as long as the error
                raise

    def _begin(self) -> None:
        if self.path is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, FORMAT):
            raise EvonasError(f"{self.path} has format {version}; this version reads format {FORMAT}: remove it")
        self._db.execute(_TABLE)
        self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def get(self, key: str) -> list[int] | None:
        """The indices of the images that stayed correctly classified, if that was computed."""
        with self._reported():
            row = self._db.execute("SELECT still FROM outcomes WHERE key = ?", (key,)).fetchone()
            return None if row is None else _indices(row[0])

    def put(self, key: str, attack: str, epsilon: float, left: Sequence[int], seconds: float) -> None:
        """Keep an outcome; it is on the disk, or it is not there at all."""
        values = (key, attack, epsilon, json.dumps(list(left)), seconds, time.time())
        with self._reported():
            self._db.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?)", values)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            text = " ".join(str(error).split())
            if self.path is not None and is_refusal(text):
                advice = f"{room(self.path)}; what was measured is kept; make room and give the same command again"
            else:
                advice = "; remove it to start anew"
            raise EvonasError(f"cannot use {self.path}: {text}{advice}") from error
