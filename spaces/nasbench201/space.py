"""The NAS-Bench-201 search space: 15,625 cells, 6,466 isomorphism classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from spaces.graph import Arrow, CellGraph
from spaces.nasbench201.genotype import EDGES, OPERATIONS, Cell, canonical, key, live_edges
from spaces.nasbench201.reading import parse
from spaces.operation import Operation, named
from spaces.product import ProductSpace
from spaces.registered import spaces
from spaces.size import Layer, NetworkSize, StageTally, Tally, tally

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from spaces.network import Network


@lru_cache(maxsize=16384)
def _cell(cell: Cell, channels: int, side: int) -> Tally:
    parts = [
        tally([Layer(channels, channels * int(name[-1]) ** 2, side * side, 2 * channels)], live)
        for name, live in zip(cell.operations, live_edges(cell), strict=True)
        if name.startswith("nor_conv")
    ]
    return _sum(parts)


def _sum(parts: Iterable[Tally]) -> Tally:
    return Tally(*map(sum, zip(Tally(0, 0, 0, 0), *parts, strict=True)))


@lru_cache(maxsize=4096)
def _stages(cell: Cell, size: NetworkSize) -> tuple[StageTally, ...]:
    n, connected = size.layers, any(live_edges(cell))
    c, side = size.channels, size.image_size
    judged: list[list[Tally]] = [[], [], [], []]  # at the stem, reduction 1, reduction 2, the last cell
    judged[0].append(tally([Layer(c, 27, side * side, 2 * c)], connected))
    features = [c * side * side]
    for stage in range(3):
        if stage:
            c_in, c, side = c, 2 * c, -(-side // 2)
            area = side * side
            reduction = [Layer(c, 9 * c_in, area, 2 * c), Layer(c, 9 * c, area, 2 * c), Layer(c, c_in, area)]
            judged[stage].append(tally(reduction, connected))
            features.append(c * area)
        judged[stage] += [_cell(cell, c, side)] * (n - 1)
        judged[stage + 1].append(_cell(cell, c, side))
    features.append(c * side * side)
    head = _sum(
        [
            tally([Layer(c, 0, 1, 2 * c)], connected),  # the last BatchNorm
            tally([Layer(size.classes, c, 1, size.classes)], connected),
        ]
    )
    return (*(StageTally(f, _sum(parts)) for f, parts in zip(features, judged, strict=True)), StageTally(c, head))


def _with_operation(cell: Cell, edge: int, operation: str) -> Cell:
    return Cell((*cell.operations[:edge], operation, *cell.operations[edge + 1 :]))


class NasBench201(ProductSpace):
    """Dong and Yang, "NAS-Bench-201", ICLR 2020. ``layers`` of its `NetworkSize` counts cells in a stage."""

    name = "nasbench201"
    description = "one cell, 6 edges, 5 operations: 15,625 cells, 6,466 isomorphism classes"
    references = ("dong2020nasbench201",)
    default_channels = 16
    default_layers = 5
    choices: ClassVar[Sequence[Sequence[str]]] = (OPERATIONS,) * len(EDGES)
    genotype = Cell
    min_image_size = 4  # two reductions halve the sides
    operations: ClassVar[Mapping[str, Operation]] = {
        "none": named("none", "none"),
        "skip_connect": Operation("skip", "skip", "skip"),
        "nor_conv_1x1": named("nor_conv_1x1", "convolution"),
        "nor_conv_3x3": named("nor_conv_3x3", "convolution"),
        "avg_pool_3x3": named("avg_pool_3x3", "average pooling"),
    }

    def parse(self, text: str) -> Cell:
        return parse(text)

    def genes(self, genotype: Cell) -> tuple[str, ...]:
        return genotype.operations

    def random(self, rng: Generator) -> Cell:
        return Cell(tuple(OPERATIONS[i] for i in rng.integers(len(OPERATIONS), size=6).tolist()))

    def mutate(self, genotype: Cell, rng: Generator) -> Cell:
        edge = int(rng.integers(6))
        others = [name for name in OPERATIONS if name != genotype.operations[edge]]
        return _with_operation(genotype, edge, others[int(rng.integers(len(others)))])

    def sample(self, weights: NDArray[Any], rng: Generator) -> Cell:
        """The operation of every edge."""
        from spaces.encoding import choose  # imports NumPy

        names = [
            choose(weights, self._places, 0, [Arrow(*edge, name) for name in OPERATIONS], rng).operation
            for edge in EDGES
        ]
        return Cell(tuple(names))

    def canonical(self, genotype: Cell) -> Cell:
        return canonical(genotype)

    def key(self, genotype: Cell) -> str:
        return key(genotype)

    def graphs(self, genotype: Cell) -> list[CellGraph]:
        arrows = (Arrow(*edge, name) for edge, name in zip(EDGES, genotype.operations, strict=True))
        return [CellGraph("cell", ("input", "1", "2", "output"), 1, tuple(arrows), (3,))]

    def stages(self, genotype: Cell, size: NetworkSize) -> Sequence[StageTally]:
        return _stages(genotype, size)

    def construct(self, genotype: Cell, size: NetworkSize, *, norm: bool = True, **options: Any) -> Network:
        from spaces.nasbench201.network import NasBench201Network

        return NasBench201Network(genotype, size, norm, **options)


nasbench201 = spaces.register("nasbench201")(NasBench201())
