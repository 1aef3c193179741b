"""The RobNet search space: a dense cell of 14 edges with 4 operations, 4^14 codes per cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from spaces.base import Space
from spaces.graph import Arrow, CellGraph
from spaces.operation import Operation
from spaces.published import Published, read
from spaces.recombination import uniform
from spaces.registered import spaces
from spaces.robnet import closed_form
from spaces.robnet.genotype import EDGES, NODES, OPERATIONS, Genotype, canonical, key
from spaces.robnet.published import PUBLISHED
from spaces.robnet.reading import parse
from spaces.size import NetworkSize, StageTally

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from spaces.network import Network

CODES = tuple(OPERATIONS)


def _with_operation(genotype: Genotype, cell: int, edge: int, operation: str) -> Genotype:
    code = genotype.cells[cell]
    changed = (*code[:edge], operation, *code[edge + 1 :])
    return Genotype((*genotype.cells[:cell], changed, *genotype.cells[cell + 1 :]))


class RobNet(Space):
    """Guo et al., "When NAS Meets Robustness", CVPR 2020.

    A genotype has one code for all cells, which fits any number of layers, or one per cell. Random genotypes have
    one code; edits keep the number of codes.
    """

    name = "robnet"
    description = "a dense cell, 14 edges, 4 operations: 4^14 codes, one for all cells (searched) or one for each"
    references = ("guo2020robnet",)
    default_channels = 36
    default_layers = 20
    min_image_size = 4  # two reductions halve the sides
    has_imagenet_stem = True
    default_max_params = 6_000_000
    operations: ClassVar[Mapping[str, Operation]] = {
        "zero": Operation("zero", "zero", "none"),
        "sep_conv_3x3": Operation("sep conv 3x3", "sep3", "separable"),
        "identity": Operation("identity", "id", "skip"),
        "residual sep_conv_3x3": Operation("residual sep 3x3", "+sep3", "residual"),
    }

    def parse(self, text: str) -> Genotype:
        return parse(text, self.named)

    def random(self, rng: Generator) -> Genotype:
        return Genotype((tuple(CODES[i] for i in rng.integers(len(CODES), size=len(EDGES)).tolist()),))

    def sample(self, weights: NDArray[Any], rng: Generator) -> Genotype:
        """The operation of every edge; one code for all cells."""
        from spaces.encoding import choose  # imports NumPy

        names = {name: code for code, name in OPERATIONS.items()}
        arrows = [[Arrow(*edge, name) for name in names] for edge in EDGES]
        code = (names[choose(weights, self._places, 0, each, rng).operation] for each in arrows)
        return Genotype((tuple(code),))

    def mutate(self, genotype: Genotype, rng: Generator) -> Genotype:
        cell, edge = int(rng.integers(len(genotype.cells))), int(rng.integers(len(EDGES)))
        others = [code for code in CODES if code != genotype.cells[cell][edge]]
        return _with_operation(genotype, cell, edge, others[int(rng.integers(len(others)))])

    def recombine(self, a: Genotype, b: Genotype, rng: Generator) -> Genotype:
        """Every edge's operation from ``a`` or ``b``; a single code is taken as that of every cell of the other.

        Raises `UsageError` if both have a code for each cell and their numbers differ.
        """
        layers = max(len(a.cells), len(b.cells))
        pairs = zip(a.codes(layers), b.codes(layers), strict=True)
        return Genotype(tuple(uniform(first, second, rng) for first, second in pairs))

    def neighbours(self, genotype: Genotype) -> list[Genotype]:
        return [
            _with_operation(genotype, cell, edge, operation)
            for cell, code in enumerate(genotype.cells)
            for edge in range(len(EDGES))
            for operation in CODES
            if operation != code[edge]
        ]

    def canonical(self, genotype: Genotype) -> Genotype:
        return canonical(genotype)

    def key(self, genotype: Genotype) -> str:
        return key(genotype)

    def graphs(self, genotype: Genotype) -> list[CellGraph]:
        nodes = range(2, 2 + NODES)
        states, several = ("c[k-2]", "c[k-1]", *map(str, nodes)), len(genotype.cells) > 1
        found = []
        for i, code in enumerate(genotype.cells):
            arrows = (Arrow(*edge, OPERATIONS[name]) for edge, name in zip(EDGES, code, strict=True))
            found.append(
                CellGraph(f"cell {i}" if several else "every cell", states, 2, tuple(arrows), tuple(nodes))
            )
        return found

    def stages(self, genotype: Genotype, size: NetworkSize) -> Sequence[StageTally]:
        return closed_form.stages(genotype, size)

    def construct(self, genotype: Genotype, size: NetworkSize, *, norm: bool = True, **options: Any) -> Network:
        from spaces.robnet.network import RobNetNetwork

        return RobNetNetwork(genotype, size, norm, **options)

    @cached_property
    def _published(self) -> dict[str, Published]:
        return read(self, PUBLISHED)

    def published(self) -> dict[str, Published]:
        return dict(self._published)


robnet = spaces.register("robnet")(RobNet())
