"""`croze` in float32 against float64, one genotype after the other.

python -m tests.benchmarks.precision [--series 16x8:100,36x20:10,36x20:deepest]

A series is CxL and a number of random DARTS genotypes, or ``deepest``: normal and reduction cells that are chains
of four sep_conv_5x5 nodes. Prints every difference and the largest of each series; ends with 1 if one is above
--most.

Not every genotype stays below 1e-6. Of the 100 random ones at C=16, L=8 with `--dataset cifar10` 97 differ by at
most 7.7e-8, the others by 5.9e-6, 6.8e-6 (the 11th) and 6.6e-4 (the 48th). In the 48th max pools read a sum of two
states of which one is so much larger that float32 loses the other; what that would decide is a tie, and the
gradient goes to another pixel than in float64 (at 8 of 10,000 places). What lies before the larger
state does not notice; the layer before the smaller one, a 1x1 convolution, loses digits of its G. Weights changed
by 1e-7 change the float64 score by 7e-9, so it is the arithmetic that is sensitive and not the score.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import torch

from evonas.data import batch as load
from fitness import Batch, Task, proxies
from spaces import NetworkSize, spaces

CHAIN = [("sep_conv_5x5", 0), ("sep_conv_5x5", 1)] + [
    edge for node in (2, 3, 4) for edge in (("sep_conv_5x5", node), ("sep_conv_5x5", 0))
]


def deepest() -> Any:
    """Every node reads the one before it."""
    cells = f"normal={CHAIN}, normal_concat=[2, 3, 4, 5], reduce={CHAIN}, reduce_concat=[2, 3, 4, 5]"
    return spaces["darts"].parse(f"Genotype({cells})")


def difference(genotype: Any, size: NetworkSize, batch: Batch) -> float:
    """Of the float32 score, relative to that in float64."""
    found = [
        proxies["croze"].score(genotype, Task(spaces["darts"], size, 0, batch, dtype=dtype))
        for dtype in (torch.float32, torch.float64)
    ]
    low, high = (score.value for score in found)
    if low is None or high is None:
        raise SystemExit(f"no score: {[score.reason for score in found]} for {genotype}")
    return abs(low / high - 1)


def batch_of(dataset: str, images: int) -> Batch:
    """The first batch of a data set, or for "normal" standard normal numbers."""
    if dataset != "normal":
        return load(dataset, images, 0)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(images, 3, 32, 32, generator=generator)
    labels = torch.randint(10, (images,), generator=generator)
    return Batch(x, labels, x.amin((0, 2, 3))[:, None, None], x.amax((0, 2, 3))[:, None, None])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", default="16x8:100,36x20:10,36x20:deepest")
    parser.add_argument("--dataset", default="digits", help="normal, or as in evonas")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--most", type=float, default=1e-6)
    options = parser.parse_args()
    darts, batch, worst = spaces["darts"], batch_of(options.dataset, options.batch), 0.0
    for series in options.series.split(","):
        size, asked = series.split(":")
        rng = np.random.default_rng(7)
        genotypes = [deepest()] if asked == "deepest" else [darts.random(rng) for _ in range(int(asked))]
        channels, layers = map(int, size.split("x"))
        largest = 0.0
        for number, genotype in enumerate(genotypes, 1):
            found = difference(genotype, NetworkSize(channels, layers), batch)
            largest = max(largest, found)
            print(f"C={channels}, L={layers}, {asked} {number}: {found:.2e}, at most {largest:.2e}", flush=True)
        worst = max(worst, largest)
    print(f"the largest of all: {worst:.2e}")
    sys.exit(worst > options.most)


if __name__ == "__main__":
    main()
