"""Which edges of one kind of cell run together, over all networks of a population.

A wave holds the nodes of equal depth inside their cells, so that everything a wave reads is there before it
begins. Within a wave, edges of one operation and stride are neighbours and run as one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spaces.darts.genotype import Edge
from spaces.skeleton.liveness import Liveness


class Convolution(NamedTuple):
    """What stands behind the name of a separable operation."""

    kernel: int
    dilation: int
    repeats: int


CONVOLUTIONS = {
    "sep_conv_3x3": Convolution(3, 1, 2),
    "sep_conv_5x5": Convolution(5, 1, 2),
    "sep_conv_7x7": Convolution(7, 1, 2),
    "dil_conv_3x3": Convolution(3, 2, 1),
    "dil_conv_5x5": Convolution(5, 2, 1),
}
ORDER = (*CONVOLUTIONS, "halve", "avg_pool_3x3", "max_pool_3x3", "skip_connect")  # of the edges of one stride
OPERATIONS = frozenset(ORDER) - {"halve"}  # what a population can hold; "halve" is a skip of stride 2


def operation_of(name: str, stride: int) -> str:
    """The entry of `ORDER` for an edge."""
    return "halve" if name == "skip_connect" and stride == 2 else name


def layers_of(operation: str) -> tuple[str, ...]:
    """The roles of an edge's layers in the order of the network's modules."""
    if operation == "halve":
        return ("halve", "halve")
    if operation in CONVOLUTIONS:
        kernel, _, repeats = CONVOLUTIONS[operation]
        return (f"depthwise{kernel}", "pointwise") * repeats
    return ()


class Cell(NamedTuple):
    """One network's cell of the kind in question."""

    edges: tuple[Edge, ...]
    concat: tuple[int, ...]
    live: Liveness


class Rows(NamedTuple):
    """Consecutive layers of equal shape, numbered within their cell and role."""

    role: str
    start: int
    stop: int


class Group(NamedTuple):
    """Edges ``start`` to ``stop`` of their bundle, all of one operation, and their layers."""

    operation: str
    start: int
    stop: int
    layers: tuple[Rows, ...]


@dataclass(frozen=True)
class Bundle:
    """The edges of one wave that have one stride, in the `ORDER` of their operations."""

    stride: int
    start: int  # its first edge within the wave
    sources: list[int]  # a row of the states that it reads, for each edge
    groups: tuple[Group, ...]

    @property
    def stop(self) -> int:
        return self.start + len(self.sources)

    def before(self, operation: str) -> int:
        """How many of its edges have an operation that comes before ``operation``."""
        last = ORDER.index(operation)
        return max((group.stop for group in self.groups if ORDER.index(group.operation) < last), default=0)


class Wave(NamedTuple):
    """Nodes that can be computed at once; ``edge`` numbers are those of the wave."""

    start: int  # rows of the nodes among the states
    stop: int
    sources: list[int]  # a state for each edge
    node_of_edge: list[int]  # counted from ``start``
    edges_of_node: list[list[int]]  # two for each node
    bundles: tuple[Bundle, ...]


@dataclass(frozen=True)
class Waves:
    """One kind of cell of all networks that have it live.

    States are rows: the inputs of all networks that use them, then the nodes, wave by wave, then a row of zeros
    that pads the output of networks with fewer nodes to concatenate.
    """

    reduction: bool
    networks: list[int]
    inputs: tuple[list[int], list[int]]  # the networks that use state 0, and state 1
    nodes: int
    waves: tuple[Wave, ...]
    widths: list[int]  # how many states each network concatenates
    concat: list[list[int]]  # a row for each network, nodes counted from the first; padded with the row of zeros
    layers: dict[str, list[tuple[int, int]]] = field(
        repr=False
    )  # role -> (network, number among its edges' layers)

    @property
    def input_rows(self) -> int:
        return len(self.inputs[0]) + len(self.inputs[1])

    @property
    def width(self) -> int:
        """How many states the output has room for."""
        return max(self.widths)


def waves(cells: dict[int, Cell], reduction: bool) -> Waves:
    """The plan of a cell; ``cells`` are the networks in which it is live."""
    rows: dict[tuple[int, int], int] = {}  # (network, state) -> row
    inputs: tuple[list[int], list[int]] = ([], [])
    for state in (0, 1):
        for network, cell in cells.items():
            if cell.live.inputs[state]:
                rows[(network, state)] = len(rows)
                inputs[state].append(network)
    by_depth: dict[int, list[tuple[int, int]]] = {}
    for network, cell in cells.items():
        for node, depth in _depths(cell).items():
            by_depth.setdefault(depth, []).append((network, node))
    first = len(rows)
    layers: dict[str, list[tuple[int, int]]] = {}
    numbers = {network: _layer_numbers(cell.edges, reduction) for network, cell in cells.items()}
    found = []
    for depth in sorted(by_depth):
        found.append(_wave(by_depth[depth], cells, rows, first, reduction, numbers, layers))
    widths = [len(cell.concat) for cell in cells.values()]
    nothing = len(rows) - first
    concat = [
        [rows[(network, state)] - first for state in cell.concat] + [nothing] * (max(widths) - len(cell.concat))
        for network, cell in cells.items()
    ]
    return Waves(reduction, list(cells), inputs, nothing, tuple(found), widths, concat, layers)


def _depths(cell: Cell) -> dict[int, int]:
    """The depth of every live node: one more than the deepest state it reads."""
    depths = {0: 0, 1: 0}
    for i in range(0, len(cell.edges), 2):
        if cell.live.edges[i]:  # without "none", both edges of a node are live or neither is
            depths[2 + i // 2] = 1 + max(depths[state] for _, state in cell.edges[i : i + 2])
    return {node: depth for node, depth in depths.items() if node > 1}


def _layer_numbers(edges: Sequence[Edge], reduction: bool) -> list[int]:
    """The number of each edge's first layer among the layers of all edges."""
    numbers, count = [], 0
    for name, state in edges:
        numbers.append(count)
        count += len(layers_of(operation_of(name, 2 if reduction and state < 2 else 1)))
    return numbers


def _wave(
    nodes: list[tuple[int, int]],
    cells: dict[int, Cell],
    rows: dict[tuple[int, int], int],
    first: int,
    reduction: bool,
    numbers: dict[int, list[int]],
    layers: dict[str, list[tuple[int, int]]],
) -> Wave:
    """The next wave; enters its nodes in ``rows`` and its layers in ``layers``."""
    start = len(rows)
    for own in nodes:
        rows[own] = len(rows)
    edges = []
    for network, node in nodes:
        for edge in (2 * node - 4, 2 * node - 3):
            name, state = cells[network].edges[edge]
            stride = 2 if reduction and state < 2 else 1
            edges.append((stride, ORDER.index(operation_of(name, stride)), network, edge))
    edges.sort()
    sources = [rows[(network, cells[network].edges[edge][1])] for _, _, network, edge in edges]
    node_of_edge = [rows[(network, 2 + edge // 2)] - start for _, _, network, edge in edges]
    edges_of_node: list[list[int]] = [[] for _ in nodes]
    for i, node_row in enumerate(node_of_edge):
        edges_of_node[node_row].append(i)
    bundles = []
    for stride in sorted({edge[0] for edge in edges}):
        members = [i for i, edge in enumerate(edges) if edge[0] == stride]
        skipped = (
            first if reduction and stride == 1 else 0
        )  # nodes of a reduction cell stand apart: they are smaller
        groups = []
        for operation in dict.fromkeys(edges[i][1] for i in members):
            same = [i - members[0] for i in members if edges[i][1] == operation]
            groups.append((ORDER[operation], same[0], same[-1] + 1))
        placed = [dict[int, Rows]() for _ in groups]
        for last in (False, True):  # the last products of all operations are neighbours, and so are the others
            for (name, begin, end), rows_of in zip(groups, placed, strict=True):
                roles = layers_of(name)
                for layer, role in enumerate(roles):
                    if (role == "pointwise" and layer == len(roles) - 1) is not last:
                        continue
                    taken = layers.setdefault(role, [])
                    rows_of[layer] = Rows(role, len(taken), len(taken) + end - begin)
                    taken += [
                        (network, numbers[network][edge] + layer)
                        for _, _, network, edge in edges[members[0] + begin : members[0] + end]
                    ]
        bundle = tuple(
            Group(*group, tuple(rows_of[layer] for layer in sorted(rows_of)))
            for group, rows_of in zip(groups, placed, strict=True)
        )
        bundles.append(Bundle(stride, members[0], [sources[i] - skipped for i in members], bundle))
    return Wave(start, len(rows), sources, node_of_edge, edges_of_node, tuple(bundles))
