"""The number of networks per pass, from the memory of the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fitness.base import Populations, Task
from fitness.population import memory
from fitness.population.plan import plan, supported
from fitness.population.shared import PASSES

SAMPLE = 16  # genotypes whose mean stands for all


def bytes_each(genotypes: Sequence[Any], names: Sequence[str], task: Task) -> int | None:
    """Bytes of one network at the peak of the largest pass of the proxies ``names``, if many share it.

    The mean of the first ``genotypes``; None if nothing is scored in populations or the images are missing.
    """
    passes = {PASSES[name] for name in names if name in PASSES}
    held = [one for one in map(task.space.canonical, genotypes[:SAMPLE]) if supported(one, task.space)]
    if not passes or not held or (task.batch is None and any(shared.images for shared in passes)):
        return None
    population = plan(held, task.size)
    return max(shared.needed(population, task) for shared in passes) // len(held)


def fitting(each: int, populations: Populations, device: str) -> tuple[int, int | None]:
    """The number of networks per pass if each needs ``each`` bytes, and the bytes of a pass, None if unknown."""
    budget = memory.budget(device, populations.memory)
    return populations.networks if budget is None else max(1, min(populations.networks, budget // each)), budget
