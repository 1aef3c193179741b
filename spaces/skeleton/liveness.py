"""What of a network is live: on a path from the images to the logits, and not all zeros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")

Inputs = tuple[bool, bool]  # which inputs of a cell are not all zeros


class Liveness(NamedTuple):
    """The live part of a cell."""

    edges: tuple[bool, ...]
    inputs: tuple[bool, bool]
    output: bool  # whether it is not all zeros


def liveness(
    edges: Sequence[tuple[int, int, bool]], states: int, outputs: Sequence[int], fed_inputs: Inputs
) -> Liveness:
    """The live part of a cell; ``edges`` are (source, target, whether it passes anything), sorted by target."""
    fed = [*fed_inputs] + [False] * (states - 2)  # forwards: not constantly zero
    for source, target, passes in edges:
        fed[target] |= passes and fed[source]
    used = [state in outputs for state in range(states)]  # backwards: reaches the output
    live = [False] * len(edges)
    for i in reversed(range(len(edges))):
        source, target, passes = edges[i]
        live[i] = passes and fed[source] and used[target]
        used[source] |= live[i]
    return Liveness(tuple(live), (used[0], used[1]), any(fed[state] for state in outputs))


def live_cells(
    cells: Sequence[T], inside: Callable[[T, Inputs], Liveness], stems: int = 1
) -> tuple[list[bool], list[Liveness]]:
    """Whether the outputs of the ``stems`` and then of each of ``cells`` are live; the cells' insides.

    A single stem is both inputs of the first cell; the second of two reads the first. Most ``cells`` are one
    object, for which ``inside`` is called once.
    """
    fed, found = [True] * stems, []
    known: dict[tuple[int, bool, bool], Liveness] = {}
    for i, cell in enumerate(cells, stems):
        inputs = fed[max(i - 2, 0)], fed[i - 1]
        kind = id(cell), *inputs
        if kind not in known:
            known[kind] = inside(cell, inputs)
        found.append(known[kind])
        fed.append(known[kind].output)
    live = [False] * (len(fed) - 1) + [fed[-1]]
    for i in reversed(range(stems, len(fed))):
        if live[i]:
            live[i - 1] |= found[i - stems].inputs[1]
            live[max(i - 2, 0)] |= found[i - stems].inputs[0]
    live[0] |= any(live[1:stems])
    return live, found
