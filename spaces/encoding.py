"""Genotypes as vectors: the one-hot encoding of their graphs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spaces.errors import UsageError
from spaces.graph import Arrow, CellGraph

if TYPE_CHECKING:
    from numpy.random import Generator

    from spaces.base import Space

WALK = 3  # edits of a walk for each arrow
Slot = tuple[int, Arrow | int]  # the index of a cell, and an arrow or an output of it


def places(graphs: Sequence[CellGraph], operations: Collection[str]) -> dict[Slot, int]:
    """The index of every slot in the vector: all that cells of the form of ``graphs`` could have."""
    slots: list[Slot] = []
    for cell, graph in enumerate(graphs):
        inner = range(graph.inputs, len(graph.states))
        slots += [(cell, Arrow(s, t, operation)) for t in inner for s in range(t) for operation in operations]
        slots += [(cell, state) for state in inner]
    return {slot: index for index, slot in enumerate(slots)}


def one_hot(graphs: Sequence[CellGraph], where: Mapping[Slot, int]) -> NDArray[np.float32]:
    """How often each slot of ``where`` is used, (d,). Raises `UsageError` for a slot that it lacks."""
    vector = np.zeros(len(where), np.float32)
    for slot in _used(graphs):
        if slot not in where:
            graph, part = graphs[slot[0]], slot[1]
            what = part.operation if isinstance(part, Arrow) else "output"
            state = graph.states[part.target if isinstance(part, Arrow) else part]
            raise UsageError(
                f"{graph.title}: {what} at {state} has no place in the encoding, whose cells have as many nodes "
                "as those that are drawn at random"
            )
        vector[where[slot]] += 1
    return vector


def _used(graphs: Sequence[CellGraph]) -> Iterator[Slot]:
    for cell, graph in enumerate(graphs):
        yield from ((cell, arrow) for arrow in graph.arrows)
        yield from ((cell, state) for state in graph.outputs)


def choose(
    weights: NDArray[Any], where: Mapping[Slot, int], cell: int, arrows: Sequence[Arrow], rng: Generator
) -> Arrow:
    """One of ``arrows`` in proportion to the weights (d,) of their slots; with equal chance if all are 0."""
    chance = np.array([weights[where[cell, arrow]] for arrow in arrows], dtype=np.float64)
    chance = np.cumsum(chance if chance.sum() > 0 else np.ones(len(arrows)))
    return arrows[min(int(chance.searchsorted(rng.random() * chance[-1], side="right")), len(arrows) - 1)]


def by_walk(space: Space, weights: NDArray[Any], where: Mapping[Slot, int], rng: Generator) -> Any:
    """A genotype after `WALK` edits for each of its arrows, from a random one."""
    genotype = space.random(rng)
    logs = np.log(np.maximum(np.asarray(weights, dtype=np.float64), np.finfo(np.float64).tiny))
    for _ in range(WALK * sum(len(graph.arrows) for graph in space.graphs(genotype))):
        genotypes = [genotype, *space.neighbours(genotype)]
        total = np.array([one_hot(space.graphs(each), where) @ logs for each in genotypes])
        chance = np.exp(total - total.max()).cumsum()
        genotype = genotypes[int(chance.searchsorted(rng.random() * chance[-1], side="right"))]
    return genotype
