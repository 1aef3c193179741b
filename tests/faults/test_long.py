"""Long searches: memory does not grow with the evaluations, nor the time that a generation takes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

import evonas
from evonas import SearchSettings
from evonas.observer import Observer, Progress
from evonas.rows import GenerationRow

BIRTHS = 2000 * int(os.environ.get("EVONAS_FAULTS", "10"))  # 100 stands for 200,000
PAGE = os.sysconf("SC_PAGE_SIZE")


class Watch(Observer):
    """Evaluations, resident bytes and the time of every generation."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, float]] = []

    def generation(self, row: GenerationRow, progress: Progress) -> None:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        self.rows.append((row.evaluations, resident, row.seconds))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_a_long_search_stays_flat(tmp_path: Path) -> None:
    watch = Watch()
    settings = SearchSettings(proxy="params", generations=BIRTHS // 50, device="cpu", channels=16, layers=8)
    evonas.search(settings, tmp_path / "run", watch)
    evaluations, resident, seconds = np.array(watch.rows, dtype=float).T
    half = len(evaluations) // 2
    slope = np.polyfit(evaluations[half:], resident[half:], 1)[0]
    early, late = np.median(seconds[half // 5 : half // 2]), np.median(seconds[-half // 5 :])
    started = time.perf_counter()
    summary = evonas.summarise(tmp_path / "run")
    shown = time.perf_counter() - started
    started = time.perf_counter()
    evonas.resume(tmp_path / "run", generations=settings.generations + 1)
    resumed = time.perf_counter() - started
    print(
        f"{evaluations[-1]:.0f} evaluations: {slope:.0f} bytes each, {1e3 * early:.1f} ms a generation early, "
        f"{1e3 * late:.1f} late, shown in {shown:.2f} s, resumed in {resumed:.2f} s"
    )
    assert summary.generation == settings.generations
    assert slope < 1000
    assert late < 1.5 * early + 0.01
    assert shown < 5
