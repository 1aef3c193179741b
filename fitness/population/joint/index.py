"""The numbers of all cells on a device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fitness.population.joint import launches
from fitness.population.joint.numbers import JointLists, JointNumbers, growth, numbers_of
from fitness.population.joint.room import Scratch
from fitness.population.plan import Plan, indices, numbers


class JointIndex(NamedTuple):
    """The numbers of a placed cell."""

    numbers: JointNumbers
    growth: Tensor  # (states and outputs,) in float64, see `numbers.growth`
    rows: list[Tensor | None]  # of the stages that the inputs read
    scratch: Scratch  # of all cells
    totals: tuple[int, int]  # entries of all bags, and networks, of all cells


def joint_cells(plan: Plan, device: str) -> list[JointIndex | None]:
    """The numbers of all cells of ``plan``, in two transfers."""
    cells = [cell for cell in plan.cells if cell is not None]
    shared = {id(cell.waves): cell.waves for cell in cells}  # by cells of one kind
    kinds = {key: JointLists(waves, undivided=launches.chosen()) for key, waves in shared.items()}
    lists = [own for kind in kinds.values() for own in kind.lists()]
    lists += [source.rows for cell in cells for source in cell.inputs if source.rows is not None]
    tensors = iter(indices(lists, device))
    known = {waves: numbers_of(kind, tensors) for waves, kind in kinds.items()}
    scratch = Scratch()
    entries = sum(len(known[id(cell.waves)].factors[0]) for cell in cells)
    totals = entries, sum(len(cell.waves.networks) for cell in cells)
    sizes = iter(numbers([growth(cell) for cell in cells], device, torch.float64))
    return [
        None
        if cell is None
        else JointIndex(
            known[id(cell.waves)],
            next(sizes),
            [None if source.rows is None else next(tensors) for source in cell.inputs],
            scratch,
            totals,
        )
        for cell in plan.cells
    ]
