"""Networks of a table that have layers without effect in the skeleton that scores them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from fitness import Task
from spaces import UsageError
from spaces.base import Space

MANY = 0.1  # of the networks; more lead to a message
MOST = 500  # networks that are looked at, at equal distances in the table
LAYERS = (1, 2, 3, 5, 8)  # that are tried in place of the chosen ones


def dead_layers(genotypes: Sequence[Any], task: Task) -> str | None:
    """A message if more than a tenth of ``genotypes`` have layers on no path from the images to the logits.

    At most `MOST` of them are looked at. None if other numbers of layers do not change this.
    """
    if type(task.space).stages is Space.stages:  # which counts every layer as live
        return None
    genotypes = genotypes[:: -(-len(genotypes) // MOST) or 1]
    here = task.size.layers
    dead = _dead(genotypes, task, here)
    if dead is None or dead <= MANY * len(genotypes):
        return None
    others = {layers: _dead(genotypes, task, layers) for layers in LAYERS if layers != here}
    fewest, layers = min((count, layers) for layers, count in [*others.items(), (here, dead)] if count is not None)
    if fewest == dead:  # the cells themselves have edges without effect
        return None
    return (
        f"{dead} of {len(genotypes)} networks have layers on no path from the images to the logits with --layers "
        f"{here}, but {fewest} with --layers {layers}; choose the number that they were trained with"
    )


def _dead(genotypes: Sequence[Any], task: Task, layers: int) -> int | None:
    """How many have dead layers in a skeleton of ``layers``; None if the space has none of these."""
    size = dataclasses.replace(task.size, layers=layers)
    try:
        task.space.check_size(size)
        found = [[stage.tally for stage in task.space.stages(genotype, size)] for genotype in genotypes]
    except UsageError:
        return None
    return sum(any(one.live_params < one.params for one in tallies) for tallies in found)
