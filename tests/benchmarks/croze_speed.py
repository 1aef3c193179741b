"""How fast `croze` is beside a plain statement of the released code, and how much memory each takes.

python -m tests.benchmarks.croze_speed [--channels 36] [--layers 20] [--batch 8] [--threads 1,2] [--rounds 1]

Four ways, in turn, each in a process of its own, so that its peak memory is its own:

    plain, Z a layer   float64, deep copies, four forwards and backwards; z's cosines for every layer, as released
    plain, Z a stage   the same with z's cosines once for each stage, which is all a plain statement needs
    autograd           `croze_terms_by_autograd` in float32
    tape               `croze_terms_by_reverse` in float32, what `croze` uses
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch

from fitness import Batch, Task
from fitness.croze_autograd import croze_terms_by_autograd
from fitness.croze_reverse import croze_terms_by_reverse
from spaces import NetworkSize, spaces
from tests.benchmarks.released_croze import darts_stages, released_terms

WAYS = ("plain, Z a layer", "plain, Z a stage", "autograd", "tape")
FAST = {"autograd": croze_terms_by_autograd, "tape": croze_terms_by_reverse}
MEBI = 2**20


def genotypes(count: int) -> list[str]:
    """DARTS_V2 and random ones, always the same."""
    darts, rng = spaces["darts"], np.random.default_rng(0)
    return ["DARTS_V2", *(str(darts.random(rng)) for _ in range(count - 1))]


def task_of(options: argparse.Namespace, dtype: torch.dtype) -> Task:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(options.batch, 3, 32, 32, generator=generator)
    labels = torch.randint(10, (options.batch,), generator=generator)
    low, high = images.amin((0, 2, 3)), images.amax((0, 2, 3))
    size = NetworkSize(options.channels, options.layers)
    return Task(
        spaces["darts"], size, 0, Batch(images, labels, low[:, None, None], high[:, None, None]), dtype=dtype
    )


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Seconds and peak memory of one way on one genotype, in this process."""
    torch.set_num_threads(int(options.threads))
    way, fast = options.way, options.way in FAST
    task = task_of(options, torch.float32 if fast else torch.float64)
    darts = spaces["darts"]
    network = task.network(darts.canonical(darts.parse(options.genotype)), norm=False)
    images, labels = task.images_and_labels()
    before = resident()
    peak = Peak()
    walls, cpus, score = [], [], 0.0
    for _ in range(3 if fast else 1):
        wall, cpu = time.perf_counter(), time.process_time()
        if fast:
            terms = FAST[way](network, images, labels)[0]
        else:
            terms = released_terms(
                network, images, labels, darts_stages(network), z_for_every_layer=way == WAYS[0]
            )[0]
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        score = sum(abs(p * g * z) for p, g, z in terms.values())
    return {"wall": median(walls), "cpu": median(cpus), "memory": (peak.stop() - before) / MEBI, "score": score}


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Peak:
    """The most that `resident` returned until `stop`, looked up a hundred times a second.

    ``ru_maxrss`` alone would not do: what importing PyTorch once took hides what a small pass takes.
    """

    def __init__(self) -> None:
        self._peak, self._over = resident(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._peak = max(self._peak, resident())

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return max(self._peak, resident())


def in_a_process(options: argparse.Namespace, way: str, genotype: str, threads: str) -> dict[str, float]:
    size = [f"--channels={options.channels}", f"--layers={options.layers}", f"--batch={options.batch}"]
    one = [f"--way={way}", f"--genotype={genotype}", f"--threads={threads}"]
    command = [sys.executable, "-m", "tests.benchmarks.croze_speed", *size, *one]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def compare(options: argparse.Namespace) -> None:
    print(f"C={options.channels}, L={options.layers}, batch {options.batch}")
    print("wall seconds (CPU seconds), their ratio to the tape's, peak memory above the network's")
    for threads in options.threads.split(","):
        for number, genotype in enumerate(genotypes(options.genotypes)):
            found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(options.rounds):
                for way in WAYS:
                    found[way].append(in_a_process(options, way, genotype, threads))
            print(f"\n{threads} thread(s), " + ("DARTS_V2" if number == 0 else f"random {number}"))
            averages = {
                way: {key: mean(one[key] for one in runs) for key in runs[0]} for way, runs in found.items()
            }
            tape = averages["tape"]
            for way, of in averages.items():
                print(
                    f"  {way:18} {of['wall']:7.2f} s ({of['cpu']:6.2f} s)"
                    f"  {of['wall'] / tape['wall']:5.1f} x the tape's ({of['cpu'] / tape['cpu']:5.1f} x)"
                    f"  {of['memory']:6.0f} MiB  {of['memory'] / tape['memory']:4.1f} x"
                    f"  score {of['score']:.7g}",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=36)
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--genotypes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)  # one measurement, as JSON
    parser.add_argument("--genotype", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options)))
    else:
        compare(options)


if __name__ == "__main__":
    main()
