"""A cell as a graph, the common form of all spaces for drawings, counts and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Arrow(NamedTuple):
    """An operation between two states."""

    source: int
    target: int
    operation: str


@dataclass(frozen=True)
class CellGraph:
    """States in topological order, the inputs first, and the operations between them."""

    title: str
    states: tuple[str, ...]  # names in the literature
    inputs: int  # number of inputs among the states
    arrows: tuple[Arrow, ...]  # always in the same order for genotypes of one space
    outputs: tuple[int, ...]  # states that leave the cell, concatenated


def differences(before: Sequence[CellGraph], after: Sequence[CellGraph]) -> list[str]:
    """What was edited, an entry an arrow: ``normal cell, node 3: skip_connect from 2 -> sep_conv_3x3 from 2``.

    Graphs of two genotypes of one space with the same number of arrows; where these differ, one entry says so.
    """
    found = []
    for old, new in zip(before, after, strict=False):
        if len(old.arrows) != len(new.arrows):
            found.append(f"{new.title}: {len(old.arrows)} edges -> {len(new.arrows)} edges")
            continue
        for a, b in zip(old.arrows, new.arrows, strict=True):
            if a != b:
                change = f"{a.operation} from {old.states[a.source]} -> {b.operation} from {new.states[b.source]}"
                found.append(f"{new.title}, {_node(new, b.target)}: {change}")
    return found


def _node(graph: CellGraph, state: int) -> str:
    name = graph.states[state]
    return f"node {name}" if name.isdigit() else name
