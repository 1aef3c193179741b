"""The largest certified radius of each image by bisection."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

STEPS = 16  # of the grid in a factor of 2
SMALLEST = -40  # power of 2, in 1/255
LARGEST = 255.0  # the whole pixel range

Holds = Callable[[Tensor, Tensor], Tensor]  # (indices (n,), radii float64 (n,)) -> bool (n,) on the CPU


def grid(epsilons: Sequence[float]) -> Tensor:
    """The radii (R,) that are tried, ascending float64: powers of 2^(1/16) from 2^-40, ``epsilons`` and 255."""
    powers = [2 ** (k / STEPS) for k in range(STEPS * SMALLEST, STEPS * 8)]
    tried = {radius for radius in (*powers, *epsilons, LARGEST) if 0 < radius <= LARGEST}
    return torch.tensor(sorted(tried), dtype=torch.float64)


def largest(holds: Holds, count: int, epsilons: Sequence[float]) -> list[float]:
    """For each of ``count`` images a radius of `grid` that ``holds`` while a larger one does not; 0 if none does.

    Every epsilon is tried, then the grid is bisected between the largest that holds and the next that does not. A
    certificate of a radius is one of all smaller ones, so that certified accuracies follow from the radii.
    """
    radii = grid(epsilons)
    low = torch.full((count,), -1)  # the largest place that holds
    high = torch.full((count,), len(radii))  # the smallest place above it that does not
    for epsilon in sorted({epsilon for epsilon in epsilons if epsilon > 0}):
        place = int(torch.searchsorted(radii, epsilon))
        found = holds(torch.arange(count), radii[place].expand(count))
        low = torch.where(found, place, low)
        high = torch.where(found, len(radii), torch.where(high == len(radii), place, high))
    while (left := (high - low > 1).nonzero()[:, 0]).numel():
        middle = (low[left] + high[left]) // 2
        found = holds(left, radii[middle])
        low[left] = torch.where(found, middle, low[left])
        high[left] = torch.where(found, high[left], middle)
    return [float(radii[place]) if place >= 0 else 0.0 for place in low.tolist()]
