"""Long searches and large tables: memory and time grow with nothing, or with the rows; reading stays quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import evonas
from evonas import SearchSettings
from evonas.core.events import Listener
from evonas.searching.events import GenerationDone
from spaces.darts.genotype import NODES, SEARCHED

SCALE = int(os.environ.get("EVONAS_FAULTS", "10"))  # 100 stands for 200,000 births and 1,000,000 rows
BIRTHS, ROWS = 2000 * SCALE, 10_000 * SCALE
PAGE = os.sysconf("SC_PAGE_SIZE")


class Watch(Listener):
    """Evaluations, resident bytes, the time of every generation and what it took of a processor."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, float, float]] = []
        self.clock = time.process_time()

    def generation(self, event: GenerationDone) -> None:
        row = event.row
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        now = time.process_time()
        self.rows.append((row.evaluations, resident, row.seconds, now - self.clock))
        self.clock = now


LOOK = """
import json, sys, time
import evonas
run, generations, found = sys.argv[1], int(sys.argv[2]), []
for work in (evonas.summarise, evonas.report, lambda run: evonas.resume(run, generations=generations)):
    started = time.process_time()  # of a processor: what else the machine does is not counted
    work(run)
    found.append(time.process_time() - started)
json.dump(found, sys.stdout)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_a_long_search_stays_flat(tmp_path: Path) -> None:
    watch, run = Watch(), tmp_path / "run"
    # tournaments of one: the search drifts, so that nearly every birth is a network of its own
    settings = SearchSettings(
        proxy="params", generations=BIRTHS // 50, tournament=1, device="cpu", channels=16, layers=8
    )
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
    # in a process of its own, as from a command line: this one is full of what the search remembers
    look = [sys.executable, "-c", LOOK, run, str(settings.generations + 1)]
    shown, reported, resumed = json.loads(subprocess.run(look, stdout=subprocess.PIPE, check=True).stdout)
    print(
        f"{evaluations[-1]:.0f} evaluations, {resident[-1] / 2**20:.0f} MB: {slope:.0f} bytes each; seconds of "
        f"CPU: shown {shown:.2f}, reported {reported:.2f}, resumed {resumed:.2f}"
    )
    assert summary.generation == settings.generations
    assert slope < 1000
    assert np.median(busy[-tenth:]) < 1.3 * np.median(busy[:tenth]) + 0.005
    assert shown < 2 and reported < 5


def write_table(path: Path, rows: int) -> None:
    """Random genotypes of the DARTS space, which has enough of them, and random accuracies."""
    rng = np.random.default_rng(0)
    pairs = [list(combinations(range(2 + node), 2)) for node in range(NODES)] * 2  # of both cells
    with path.open("w") as file:
        file.write("genotype,clean,pgd\n")
        for _ in range(rows):
            names = [SEARCHED[i] for i in rng.integers(len(SEARCHED), size=16).tolist()]
            states = [
                pair[i % len(pair)] for pair, i in zip(pairs, rng.integers(30, size=8).tolist(), strict=True)
            ]
            edges = list(zip(names, (state for pair in states for state in pair), strict=True))
            genotype = f"Genotype(normal={edges[:8]}, normal_concat=[2, 3, 4, 5], reduce={edges[8:]}, "
            clean, pgd = rng.random(2).tolist()
            file.write(f'"{genotype}reduce_concat=[2, 3, 4, 5])",{clean:.6f},{pgd:.6f}\n')


LONG_TABLE = """
import json, resource, sys, time
import evonas
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
settings = evonas.SearchSettings(space="darts", channels=16, layers=8, device="cpu")
evonas.correlate(sys.argv[2], ["params"], settings)  # what modules take is no part of it
before, started = peak(), time.process_time()
found = evonas.correlate(sys.argv[1], ["params"], settings)
json.dump([found.n, 1024 * (peak() - before), time.process_time() - started, found.ci95["params"]], sys.stdout)
"""


@pytest.mark.slow
def test_a_long_table_correlates_within_memory(tmp_path: Path) -> None:
    write_table(tmp_path / "long.csv", ROWS)
    write_table(tmp_path / "short.csv", 1000)
    done = subprocess.run(
        [sys.executable, "-c", LONG_TABLE, tmp_path / "long.csv", tmp_path / "short.csv"],
        stdout=subprocess.PIPE,
        check=True,
    )
    rows, more, busy, interval = json.loads(done.stdout)
    print(f"{rows} rows: {more / 2**20:.0f} MB more, {busy:.0f} s of CPU, interval {interval}")
    assert rows == ROWS
    assert more < 3000 * rows + 100e6  # bytes
    assert busy < 0.005 * rows
