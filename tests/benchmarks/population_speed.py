"""Time and memory of `croze` one network after the other (K = 1) and K networks in a pass.

python -m tests.benchmarks.population_speed [--sizes 8x5,16x8,36x20] [--networks 1,2,4,8,16] [--device cpu]

The table behind what `--batch-networks auto` is (`evonas.store.settings`). Every number
of networks has a process of its own, one thread, random DARTS genotypes, the same for all, and one pass before the
clock starts; times are the medians of the rounds, peak memory is what scoring added. Where other programs run,
CPU seconds say more than those on the wall; on a GPU they say nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from statistics import median

import numpy as np
import torch

from fitness import Batch, Populations, Task, score_all
from spaces import NetworkSize, spaces
from tests.benchmarks.croze_speed import MEBI, Peak, resident


def task_of(options: argparse.Namespace) -> Task:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(options.batch, 3, 32, 32, generator=generator)
    labels = torch.randint(10, (options.batch,), generator=generator)
    low, high = images.amin((0, 2, 3)), images.amax((0, 2, 3))
    batch = Batch(images, labels, low[:, None, None], high[:, None, None])
    channels, layers = map(int, options.sizes.split("x"))
    networks = int(options.networks)
    populations = Populations(networks) if networks > 1 else None
    return Task(spaces["darts"], NetworkSize(channels, layers), 0, batch, options.device, populations=populations)


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Seconds a network and peak memory of one size and one number of networks, in this process."""
    torch.set_num_threads(1)
    task, darts, rng = task_of(options), spaces["darts"], np.random.default_rng(0)
    genotypes = [darts.random(rng) for _ in range(options.genotypes)]
    cuda = options.device.startswith("cuda")
    before, peak = resident(), Peak()
    total = 0.0
    list(score_all(genotypes[: int(options.networks)], ["croze"], task))
    walls, cpus = [], []
    for _ in range(options.rounds):
        started, cpu = time.perf_counter(), time.process_time()
        total = sum(found["croze"].value or 0.0 for found in score_all(genotypes, ["croze"], task))
        walls.append((time.perf_counter() - started) / len(genotypes))
        cpus.append((time.process_time() - cpu) / len(genotypes))
    memory = peak.stop() - before
    if cuda:
        memory = torch.cuda.max_memory_allocated(options.device)
    times = {"wall": median(walls), "cpu": median(cpus)}
    return times | {"memory": memory / MEBI, "score": total / len(genotypes)}


def in_a_process(options: argparse.Namespace, size: str, networks: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.population_speed", "--one"]
    command += [f"--sizes={size}", f"--networks={networks}", f"--batch={options.batch}"]
    command += [
        f"--device={options.device}",
        f"--genotypes={options.genotypes}",
        f"--rounds={options.rounds}",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def compare(options: argparse.Namespace) -> None:
    print(f"batch {options.batch}, {options.device}, {options.genotypes} random DARTS genotypes")
    for size in options.sizes.split(","):
        channels, layers = size.split("x")
        print(f"\nC={channels}, L={layers}\n   K   ms a network (CPU)   times K=1 (CPU)   peak MiB   mean score")
        first = None
        for networks in options.networks.split(","):
            found = in_a_process(options, size, networks)
            first = first or found
            print(
                f"{networks:>4} {1000 * found['wall']:10.0f} ({1000 * found['cpu']:6.0f})"
                f" {first['wall'] / found['wall']:10.2f} ({first['cpu'] / found['cpu']:4.2f})"
                f" {found['memory']:10.0f}   {found['score']:.7g}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="8x5,16x8,36x20", help="CxL, separated by commas")
    parser.add_argument("--networks", default="1,2,4,8,16")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--genotypes", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # one measurement, as JSON
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options)))
    else:
        compare(options)


if __name__ == "__main__":
    main()
