"""What a generation pays for the promise that nothing is lost: seals, synced commits, journalled scores.

python -m tests.benchmarks.promise_speed [rounds]

Searches of 100 and 50 whose scores cost nothing, as they are and with parts left out, taking turns. Every score is
journalled by itself, as where each takes seconds. A generation of paper size computes 50 scores of some 5 s.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import evonas
from evonas.core.events import Listener
from evonas.searching.events import GenerationDone
from evonas.store import databases
from evonas.store import hash_chain as seals
from evonas.store import run as store
from evonas.store.run import Run

GENERATIONS = 40
PAPER = 50 * 5.0  # seconds of a generation


class Watch(Listener):
    """When each generation ended, and what it took of a processor."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, float]] = []

    def generation(self, event: GenerationDone) -> None:
        self.rows.append((time.perf_counter(), time.process_time()))


def without(*parts: str) -> list[Any]:
    """Patches that leave out parts of the promise."""
    found = [mock.patch.object(store, "JOURNAL_SECONDS", float("inf") if "journal" in parts else -1.0)]
    if "seals" in parts:
        found.append(mock.patch.object(seals, "add", lambda *given: None))
    if "syncing" in parts:
        found += [mock.patch.object(databases, name, "OFF") for name in ("SYNCED", "LAZY")]
        found.append(mock.patch.object(os, "fsync", lambda descriptor: None))
    return found


VARIANTS = {
    "as it is": (),
    "without seals": ("seals",),
    "without syncing": ("syncing",),
    "without journal": ("journal",),
    "without any": ("seals", "syncing", "journal"),
}


@contextmanager
def applied(parts: tuple[str, ...]) -> Iterator[Path]:
    with ExitStack() as stack:
        for patch in without(*parts):
            stack.enter_context(patch)
        yield Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evonas-promise-")))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    settings = evonas.SearchSettings(proxy="params", generations=GENERATIONS, device="cpu", channels=16, layers=8)
    taken: dict[str, list[np.ndarray]] = {name: [] for name in VARIANTS}
    opened = []
    for _ in range(rounds):
        for name, parts in VARIANTS.items():
            with applied(parts) as directory:
                watch = Watch()
                evonas.search(settings, directory / "run", watch)
                taken[name].append(np.diff(watch.rows, axis=0))
                if not parts:
                    started = time.perf_counter()
                    Run.open(directory / "run").close()
                    opened.append(time.perf_counter() - started)
    medians = {name: np.median(np.concatenate(found), axis=0) for name, found in taken.items()}
    for name, (wall, cpu) in medians.items():
        print(f"{name:16} {1e3 * wall:7.1f} ms a generation, {1e3 * cpu:6.1f} ms of a processor")
    more = medians["as it is"] - medians["without any"]
    print(
        f"the promise: {1e3 * more[0]:.1f} ms ({1e3 * more[1]:.1f} of a processor) a generation, "
        f"{100 * more[0] / PAPER:.4f} % of {PAPER:.0f} s; checking {GENERATIONS} generations on a resume: "
        f"{1e3 * np.median(opened):.0f} ms"
    )


if __name__ == "__main__":
    main()
