"""How fast the search loop is when scores cost nothing, everything written to disk.

python -m tests.benchmarks.loop_speed [generations]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import evonas


def main() -> None:
    generations = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    with tempfile.TemporaryDirectory() as directory:
        run = Path(directory) / "run"
        settings = evonas.SearchSettings(proxy="params", generations=0)
        warm = evonas.search(settings, run)
        wall, cpu = time.perf_counter(), time.process_time()
        result = evonas.resume(run, generations=generations)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = (run / "run.db").stat().st_size
    evaluations = result.evaluations - warm.evaluations
    births = evaluations + result.cache_hits - warm.cache_hits
    print(f"{births} births, {evaluations} evaluations, {size / births:.0f} bytes a birth")
    print(f"wall: {wall:.2f} s, {evaluations / wall:.0f} evaluations/s, {1000 * wall / births:.3f} ms a birth")
    print(f"CPU:  {cpu:.2f} s, {evaluations / cpu:.0f} evaluations/s")


if __name__ == "__main__":
    main()
