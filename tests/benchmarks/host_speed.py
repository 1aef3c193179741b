"""What `croze` costs the host of a GPU, on tensors without values: the loop and populations side by side.

python -m tests.benchmarks.host_speed [--size 36x20] [--networks 1,16,64] [--rounds 3]

Tensors on ``meta`` pass through Python, the dispatcher and the functions for shapes, as those of a GPU do, and no
kernel is launched, which takes some 3 to 5 microseconds more. Times are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import time
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from evonas.speed.host import HostCost, host_costs
from fitness import Batch, Task
from spaces import NetworkSize, spaces
from tests.fitness.population.counted import KERNELS

IMAGES = 8


def costs(channels: int, layers: int, networks: list[int], rounds: int) -> list[HostCost]:
    """Of random DARTS networks."""
    assert KERNELS  # of CUDA, on tensors without values
    images, side = torch.zeros(IMAGES, 3, 8, 8), torch.zeros(3, 1, 1)
    batch = Batch(images, torch.zeros(IMAGES, dtype=torch.int64), side, side)
    darts, rng = spaces["darts"], np.random.default_rng(0)
    task = Task(darts, NetworkSize(channels, layers), 0, batch, "meta")
    genotypes = [darts.random(rng) for _ in range(max(networks))]

    def zeros(tensor: Tensor) -> list[float]:
        return [0.0] * tensor.numel()

    def moved(network: nn.Module, device: str, dtype: torch.dtype) -> nn.Module:
        return network.to(device, dtype)

    with (
        mock.patch.object(Tensor, "tolist", zeros),
        mock.patch.object(Tensor, "__bool__", lambda tensor: False),
        mock.patch("fitness.base.uploaded", moved),
    ):
        return host_costs(genotypes, task, networks, rounds, time.process_time)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="36x20")
    parser.add_argument("--networks", default="1,16,64")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    channels, layers = map(int, options.size.split("x"))
    print("networks per pass | calls | drawing ms | planning ms | launching ms | us per call")
    for row in costs(channels, layers, [int(one) for one in options.networks.split(",")], options.rounds):
        numbers = [1e3 * one for one in (row.drawing, row.planning, row.launching)]
        cells = [row.networks or "loop", f"{row.calls:.0f}", *(f"{one:.2f}" for one in numbers)]
        print(*cells, f"{1e6 * row.launching / row.calls:.1f}", sep=" | ")


if __name__ == "__main__":
    main()
