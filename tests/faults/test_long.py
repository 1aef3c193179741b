"""Long searches: memory does not grow with the evaluations, nor the time of a generation; reading stays quick."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
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
    """Evaluations, resident bytes, the time of every generation and what it took of a processor."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, float, float]] = []
        self.clock = time.process_time()

    def generation(self, row: GenerationRow, progress: Progress) -> None:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        now = time.process_time()
        self.rows.append((row.evaluations, resident, row.seconds, now - self.clock))
        self.clock = now


def seconds(work: Callable[[], object]) -> float:
    """Of a processor: what else the machine does is not counted."""
    started = time.process_time()
    work()
    return time.process_time() - started


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_a_long_search_stays_flat(tmp_path: Path) -> None:
    watch, run = Watch(), tmp_path / "run"
    settings = SearchSettings(proxy="params", generations=BIRTHS // 50, device="cpu", channels=16, layers=8)
    evonas.search(settings, run, watch)
    evaluations, resident, elapsed, busy = np.array(watch.rows, dtype=float).T
    half, tenth = len(evaluations) // 2, len(evaluations) // 10
    slope = np.polyfit(evaluations[half:], resident[half:], 1)[0]
    for name, times in (("", elapsed), (" of CPU", busy)):
        parts = [1e3 * np.median(part) for part in (times[:tenth], times[half : half + tenth], times[-tenth:])]
        print(
            f"ms{name} a generation in the first, a middle and the last tenth:", *(f"{part:.2f}" for part in parts)
        )
    summary = evonas.summarise(run)
    shown = seconds(lambda: evonas.summarise(run))
    reported = seconds(lambda: evonas.report(run))
    resumed = seconds(lambda: evonas.resume(run, generations=settings.generations + 1))
    print(
        f"{evaluations[-1]:.0f} evaluations, {resident[-1] / 2**20:.0f} MB: {slope:.0f} bytes each; seconds of "
        f"CPU: shown {shown:.2f}, reported {reported:.2f}, resumed {resumed:.2f}"
    )
    assert summary.generation == settings.generations
    assert slope < 1000
    assert np.median(busy[-tenth:]) < 1.3 * np.median(busy[:tenth]) + 0.005
    assert shown < 2 and reported < 5
