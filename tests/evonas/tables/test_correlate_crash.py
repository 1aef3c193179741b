"""`evonas correlate` as a process, killed half-way."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np

import evonas
from evonas import SearchSettings
from spaces import spaces
from tests import forks

CELLS, MIN_SCORED = 18, 4
PROXIES = ["croze", "naswot", "croze+naswot"]
COMMAND = [
    "correlate",
    "table.csv",
    "--proxy",
    ",".join(PROXIES),
    "--channels",
    "4",
    "--layers",
    "1",
    "--engine",
    "in-process",
]


def start(directory: Path, *more: str) -> forks.Command:
    return forks.start(*COMMAND, "--json", *more, cwd=directory, apart=True)


def kept(file: Path) -> set[tuple[Any, ...]]:
    """Every kept score with the seconds that it took: computed again, they differ."""
    if not file.is_file():
        return set()
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30) as db:
        exists = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'scores'").fetchone()
        return set(db.execute("SELECT architecture, proxy, value, seconds FROM scores")) if exists else set()


def but_times(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "seconds"}


def test_a_killed_correlation_continues_where_it_was_and_ends_with_the_same_numbers(tmp_path: Path) -> None:
    space, rng = spaces["nasbench201"], np.random.default_rng(0)
    cells = list(dict.fromkeys(str(space.random(rng)) for _ in range(CELLS)))
    rows = [f"{cell},{rng.random():.4f}" for cell in cells]
    (tmp_path / "table.csv").write_text("\n".join(["arch_str,clean", *rows]) + "\n")

    killed = start(tmp_path, "--scores", "killed.db")
    deadline = time.monotonic() + 120
    while (
        len(kept(tmp_path / "killed.db")) < 3 * MIN_SCORED
        and killed.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    assert killed.communicate()[0] == ""
    before = kept(tmp_path / "killed.db")
    assert 3 * MIN_SCORED <= len(before) < 3 * len(cells)  # croze, naswot and params of each

    resumed = start(tmp_path, "--scores", "killed.db")
    out, err = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, err
    after = kept(tmp_path / "killed.db")
    assert before < after and len(after) == 3 * len(cells)
    settings = SearchSettings(space="nasbench201", channels=4, layers=1)
    whole = evonas.correlate(tmp_path / "table.csv", PROXIES, settings).as_dict()
    assert but_times(json.loads(out)) == but_times(whole)
    assert whole["n"] == len(cells)
