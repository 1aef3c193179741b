"""Uniform crossover: each gene of a child comes from one of its parents with equal chance.

Source: Syswerda, "Uniform Crossover in Genetic Algorithms", ICGA 1989.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from spaces.errors import UsageError
from spaces.graph import CellGraph

if TYPE_CHECKING:
    from numpy.random import Generator

    from spaces.base import Space

T = TypeVar("T")


def uniform(a: Sequence[T], b: Sequence[T], rng: Generator) -> tuple[T, ...]:
    """Each entry from ``a`` or from ``b``, which are equally long."""
    from_b = rng.integers(2, size=len(a)).tolist()
    return tuple(y if second else x for x, y, second in zip(a, b, from_b, strict=True))


def by_edits(space: Space, a: Any, b: Any, rng: Generator) -> Any:
    """Edits of ``a`` towards a goal whose arrows are drawn from both graphs, for as long as an edit comes closer.

    An arrow has two genes, its source and its operation. Where no edit leads to the goal without a detour, the
    child keeps genes of ``a``. Raises `UsageError` if the graphs have different nodes or numbers of arrows.
    """
    cells = [
        [(graph.title, [arrow.target for arrow in graph.arrows]) for graph in space.graphs(x)] for x in (a, b)
    ]
    if cells[0] != cells[1]:
        raise UsageError(
            f"genotypes of the space {space.name} whose cells have different numbers of nodes or edges cannot be "
            f"recombined: {a} and {b}"
        )
    goal = uniform(_arrows(space.graphs(a)), _arrows(space.graphs(b)), rng)

    def missing(genotype: Any) -> int:
        pairs = zip(_arrows(space.graphs(genotype)), goal, strict=True)
        return sum(x != y for arrow, wanted in pairs for x, y in zip(arrow, wanted, strict=True))

    child, distance = a, missing(a)
    while closer := [other for other in space.neighbours(child) if missing(other) < distance]:
        child = closer[int(rng.integers(len(closer)))]
        distance = missing(child)
    return child


def _arrows(graphs: Sequence[CellGraph]) -> list[tuple[int, str]]:
    return [(arrow.source, arrow.operation) for graph in graphs for arrow in graph.arrows]
