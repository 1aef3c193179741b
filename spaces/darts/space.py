"""The DARTS search space: 2 cells x 4 nodes x 2 inputs, 7 operations, about 10^18 cell pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from spaces.base import Space
from spaces.darts import closed_form
from spaces.darts.genotype import NODES, SEARCHED, Edge, Genotype, canonical
from spaces.darts.published import PUBLISHED
from spaces.darts.reading import parse
from spaces.graph import Arrow, CellGraph
from spaces.operation import Operation, named
from spaces.published import Published, read
from spaces.recombination import uniform
from spaces.registered import spaces
from spaces.size import NetworkSize, StageTally

if TYPE_CHECKING:
    import torch
    from numpy.random import Generator
    from numpy.typing import NDArray

    from spaces.network import Network
    from spaces.supernet import Supernet

CELLS = ("normal", "reduce")
KINDS = {
    "max_pool_3x3": "max pooling",
    "avg_pool_3x3": "average pooling",
    "sep_conv_3x3": "separable",
    "sep_conv_5x5": "separable",
    "sep_conv_7x7": "separable",
    "dil_conv_3x3": "dilated",
    "dil_conv_5x5": "dilated",
    "conv_7x1_1x7": "factorized",
    "none": "none",
}


def _free_states(cell: tuple[Edge, ...], edge: int) -> list[int]:
    """Earlier states that ``edge`` could take: neither its own nor that of the node's other edge."""
    taken = {cell[edge][1], cell[edge ^ 1][1]}
    return [state for state in range(2 + edge // 2) if state not in taken]


def _with_edge(genotype: Genotype, name: str, index: int, edge: Edge) -> Genotype:
    cell = list(getattr(genotype, name))
    cell[index] = edge
    return replace(genotype, **{name: tuple(cell)})


def _graph(title: str, cell: tuple[Edge, ...], concat: tuple[int, ...]) -> CellGraph:
    nodes = range(2, 2 + len(cell) // 2)
    arrows = (Arrow(state, 2 + i // 2, operation) for i, (operation, state) in enumerate(cell))
    return CellGraph(title, ("c[k-2]", "c[k-1]", *map(str, nodes)), 2, tuple(arrows), concat)


class Darts(Space):
    """Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR 2019."""

    name = "darts"
    description = "normal and reduction cell, 4 nodes x 2 inputs, 7 operations: about 10^18 cell pairs"
    references = ("liu2019darts",)
    default_channels = 36
    default_layers = 20
    min_image_size = 4  # two reductions halve the sides
    has_imagenet_stem = True
    default_max_params = 6_000_000
    has_auxiliary_head = True
    has_drop_path = True
    has_shared_passes = True
    has_supernet = True
    operations: ClassVar[Mapping[str, Operation]] = {
        "skip_connect": Operation("skip", "skip", "skip"),
        **{name: named(name, kind) for name, kind in KINDS.items()},
    }

    def parse(self, text: str) -> Genotype:
        return parse(text, self.named)

    def random(self, rng: Generator) -> Genotype:
        cells = []
        for _ in CELLS:
            cell: list[Edge] = []
            for node in range(NODES):
                inputs = sorted(rng.choice(2 + node, size=2, replace=False).tolist())
                operations = rng.integers(len(SEARCHED), size=2).tolist()
                cell += [(SEARCHED[o], state) for o, state in zip(operations, inputs, strict=True)]
            cells.append(tuple(cell))
        return Genotype(cells[0], (2, 3, 4, 5), cells[1], (2, 3, 4, 5))

    def sample(self, weights: NDArray[Any], rng: Generator) -> Genotype:
        """The two edges of a node are drawn one after the other, the second from another state."""
        from spaces.encoding import choose  # imports NumPy

        cells = []
        for number, _ in enumerate(CELLS):
            cell: list[Edge] = []
            for target in range(2, 2 + NODES):
                arrows = [Arrow(source, target, name) for source in range(target) for name in SEARCHED]
                first = choose(weights, self._places, number, arrows, rng)
                others = [arrow for arrow in arrows if arrow.source != first.source]
                pair = sorted((first, choose(weights, self._places, number, others, rng)))
                cell += [(arrow.operation, arrow.source) for arrow in pair]
            cells.append(tuple(cell))
        return Genotype(cells[0], (2, 3, 4, 5), cells[1], (2, 3, 4, 5))

    def mutate(self, genotype: Genotype, rng: Generator) -> Genotype:
        name = CELLS[int(rng.integers(2))]
        cell: tuple[Edge, ...] = getattr(genotype, name)
        movable = [i for i in range(len(cell)) if _free_states(cell, i)]
        if movable and rng.integers(2):
            index = movable[int(rng.integers(len(movable)))]
            states = _free_states(cell, index)
            edge = (cell[index][0], states[int(rng.integers(len(states)))])
        else:
            index = int(rng.integers(len(cell)))
            others = [operation for operation in SEARCHED if operation != cell[index][0]]
            edge = (others[int(rng.integers(len(others)))], cell[index][1])
        return _with_edge(genotype, name, index, edge)

    def recombine(self, a: Genotype, b: Genotype, rng: Generator) -> Genotype:
        """Every node, with its two edges, from ``a`` or ``b``; a cell of another number of nodes as a whole."""
        changes: dict[str, Any] = {}
        for name in CELLS:
            first, second = ((getattr(x, name), getattr(x, f"{name}_concat")) for x in (a, b))
            if len(first[0]) == len(second[0]):
                nodes, others = (list(zip(edges[::2], edges[1::2], strict=True)) for edges, _ in (first, second))
                edges = tuple(edge for node in uniform(nodes, others, rng) for edge in node)
                (concat,) = uniform(first[1:], second[1:], rng)
            else:
                ((edges, concat),) = uniform([first], [second], rng)
            changes |= {name: edges, f"{name}_concat": concat}
        return Genotype(**changes)

    def neighbours(self, genotype: Genotype) -> list[Genotype]:
        found = []
        for name in CELLS:
            cell: tuple[Edge, ...] = getattr(genotype, name)
            for index, (operation, state) in enumerate(cell):
                edges = [(other, state) for other in SEARCHED if other != operation]
                edges += [(operation, other) for other in _free_states(cell, index)]
                found += [_with_edge(genotype, name, index, edge) for edge in edges]
        return found

    def canonical(self, genotype: Genotype) -> Genotype:
        return canonical(genotype)

    def graphs(self, genotype: Genotype) -> list[CellGraph]:
        return [
            _graph("normal cell", genotype.normal, genotype.normal_concat),
            _graph("reduction cell", genotype.reduce, genotype.reduce_concat),
        ]

    def stages(self, genotype: Genotype, size: NetworkSize) -> Sequence[StageTally]:
        return closed_form.stages(genotype, size)

    def construct(self, genotype: Genotype, size: NetworkSize, *, norm: bool = True, **options: Any) -> Network:
        from spaces.darts.network import DartsNetwork

        return DartsNetwork(genotype, size, norm, **options)

    def supernet(self, size: NetworkSize, *, generator: torch.Generator, **options: Any) -> Supernet:
        from spaces.darts.supernet import supernet

        self.check_size(size)
        return supernet(size, generator, **options)

    @cached_property
    def _published(self) -> dict[str, Published]:
        return read(self, PUBLISHED)

    def published(self) -> dict[str, Published]:
        return dict(self._published)


darts = spaces.register("darts")(Darts())
