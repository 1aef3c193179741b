"""The integers of a cell whose waves run together: which rows each sum adds, and by which factor.

Nodes are not computed: what reads one adds up the outputs of its edges itself, each brought to its scale, and a
skip is what it reads. The same holds backwards. So all rows belong to edges that compute something, or to inputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

from torch import Tensor

from fitness.population.joint.bags import Bag
from fitness.population.plan import PlacedCell
from fitness.population.waves import CONVOLUTIONS, Bundle, Waves


class BundleNumbers(NamedTuple):
    """The edges of one wave and stride, skips left out."""

    reads: Bag  # of the outputs; of a reduction's inputs, row by row
    outputs: slice  # rows of the outputs that it writes
    gradients: slice  # rows of the pool of gradients that it writes


class WaveNumbers(NamedTuple):
    """One wave."""

    gradients: Bag  # of the pool of gradients, for the output of every edge except skips
    bundles: list[BundleNumbers]


class JointNumbers(NamedTuple):
    """One kind of cell."""

    waves: list[WaveNumbers]
    output: Bag  # of the outputs of edges, (networks x width,)
    inputs: Bag  # of the pool of gradients
    outputs: int  # rows of the outputs of edges, and of a normal cell's inputs, which come first
    parts: int  # networks x width, the first rows of the pool of gradients
    pools: tuple[int, int]  # rows of gradients at the side of the nodes, and of a reduction's inputs
    reach: Tensor  # (scales, 2), the inputs that each state and output is computed from
    factors: tuple[Tensor, Tensor]  # (entries of all bags,) each: from which scale to which


Entries = list[tuple[int, int, int]]  # (row, scale that it has, scale that it is brought to)


class JointLists:
    """Everything of one kind of cell as lists.

    Scales are those of the states, then of the outputs of networks, then of what the inputs were made from.
    If inputs are ``undivided``, their rows have the latter.
    """

    def __init__(self, waves: Waves, *, undivided: bool = False) -> None:
        self.waves = waves
        self.states = waves.input_rows + waves.nodes
        self.scales = self.states + len(waves.networks)
        self.parts = len(waves.networks) * waves.width
        self.outputs = 0 if waves.reduction else waves.input_rows
        self.pools = [self.parts, 0]
        self.bundles: list[list[tuple[slice, slice]]] = []  # rows of outputs, and of gradients
        self.sources: list[list[int]] = []  # of the edges of every wave except skips
        self.nodes: list[list[int]] = []  # and the states that they belong to
        own = self.scales if undivided else 0
        self.terms: list[list[tuple[int, int]]] = [[(row, row + own)] for row in range(waves.input_rows)]
        self.terms += [[] for _ in range(waves.nodes)]  # of each state: rows of outputs, and their scales
        for wave in waves.waves:
            self._place(wave.bundles)
            self.sources.append([])
            self.nodes.append([])
            for bundle, (rows, _) in zip(wave.bundles, self.bundles[-1], strict=True):
                for edge in range(bundle.start, bundle.stop):
                    source, node = wave.sources[edge], wave.start + wave.node_of_edge[edge]
                    if edge - bundle.start >= skips_from(bundle):
                        self.terms[node] += self.terms[source]
                        continue
                    self.terms[node].append((rows.start + edge - bundle.start, source))
                    self.sources[-1].append(source)
                    self.nodes[-1].append(node)
        self.readers: list[list[tuple[int, int]]] = [
            [] for _ in range(self.states)
        ]  # rows of gradients, and scales
        for part, node in enumerate(node for row in waves.concat for node in row):
            if node != waves.nodes:
                state, output = waves.input_rows + node, self.states + part // waves.width
                self.readers[state].append((part, output))
        for wave, placed in zip(reversed(waves.waves), reversed(self.bundles), strict=True):
            for bundle, (_, gradients) in zip(wave.bundles, placed, strict=True):
                for edge in range(bundle.start, bundle.stop):
                    source, node = wave.sources[edge], wave.start + wave.node_of_edge[edge]
                    if edge - bundle.start >= skips_from(bundle):
                        self.readers[source] += self.readers[node]
                    else:
                        self.readers[source].append((gradients.start + edge - bundle.start, source))

    def _place(self, bundles: Sequence[Bundle]) -> None:
        placed = []
        for bundle in bundles:
            edges, pool = skips_from(bundle), int(self.waves.reduction and bundle.stride == 2)
            rows, own = self.outputs, self.pools[pool]
            placed.append((slice(rows, rows + edges), slice(own, own + edges)))
            self.outputs += edges
            self.pools[pool] += edges
        self.bundles.append(placed)

    def reach(self) -> list[int]:
        """Two inputs for every state and output, the same one twice where it is the only one."""
        waves = self.waves
        found: list[set[int]] = [{row} for row in range(waves.input_rows)] + [set() for _ in range(waves.nodes)]
        for wave in waves.waves:
            for node, source in zip(wave.node_of_edge, wave.sources, strict=True):
                found[wave.start + node] |= found[source]
        for row in waves.concat:
            found.append(set().union(*(found[waves.input_rows + node] for node in row if node != waves.nodes)))
        return [row for own in found for row in (min(own), max(own))]

    def bags(self) -> Iterator[list[Entries]]:
        """The sums of each bag, in the order in which `numbers_of` takes them."""
        waves = self.waves
        for wave, sources, nodes in zip(waves.waves, self.sources, self.nodes, strict=True):
            yield [
                [(row, source, scale) for row, scale in self.readers[node]]
                for source, node in zip(sources, nodes, strict=True)
            ]
            rest = iter(sources)
            for bundle in wave.bundles:
                yield [
                    [(row, scale, source) for row, scale in self.terms[source]]
                    for source in islice(rest, skips_from(bundle))
                ]
        yield [
            []
            if node == waves.nodes
            else [(row, scale, self.states + network) for row, scale in self.terms[waves.input_rows + node]]
            for network, row in enumerate(waves.concat)
            for node in row
        ]
        yield [
            [(row, self.scales + state, scale) for row, scale in self.readers[state]]
            for state in range(waves.input_rows)
        ]

    def lists(self) -> list[list[int]]:
        """All of them, in the order in which `numbers_of` takes them."""
        bags = list(self.bags())
        entries = [entry for bag in bags for own in bag for entry in own]
        found = [self.reach(), [here for _, here, _ in entries], [there for _, _, there in entries]]
        for bag in bags:
            found.append([row for own in bag for row, _, _ in own])
            found.append([0, *accumulate(len(own) for own in bag)][: len(bag)])
        return found


def numbers_of(lists: JointLists, tensors: Iterator[Tensor]) -> JointNumbers:
    """A kind of cell, whose `JointLists.lists` are ``tensors``, int64 (n,) each."""
    reach, here, there = next(tensors).view(-1, 2), next(tensors), next(tensors)
    begin = 0

    def bag() -> Bag:
        nonlocal begin
        rows, begins = next(tensors), next(tensors)
        begin += len(rows)
        return Bag(rows, begins, slice(begin - len(rows), begin))

    waves = []
    for placed in lists.bundles:
        gradients = bag()
        waves.append(WaveNumbers(gradients, [BundleNumbers(bag(), *rows) for rows in placed]))
    pools = lists.pools[0], lists.pools[1]
    return JointNumbers(waves, bag(), bag(), lists.outputs, lists.parts, pools, reach, (here, there))


def skips_from(bundle: Bundle) -> int:
    """The first edge of ``bundle`` that is a skip; those are its last."""
    return bundle.before("skip_connect")


def growth(cell: PlacedCell) -> list[float]:
    """For every state and output of ``cell`` the logarithm of how much larger than the inputs it may be.

    An estimate: positive weights uniform below 1/sqrt(fan) multiply constant images by sqrt(fan)/2. Perturbed
    ones may do so by some three times more, each layer, which every precision can hold over one cell.
    """
    waves = cell.waves
    found = [0.0] * waves.input_rows + [-math.inf] * waves.nodes
    for wave in waves.waves:
        for bundle in wave.bundles:
            for group in bundle.groups:
                own = _growth(group.operation, cell.channels)
                for edge in range(bundle.start + group.start, bundle.start + group.stop):
                    node = wave.start + wave.node_of_edge[edge]
                    found[node] = max(found[node], found[wave.sources[edge]] + own)
    for row in waves.concat:
        found.append(max(found[waves.input_rows + node] for node in row if node != waves.nodes))
    return found


def _growth(operation: str, channels: int) -> float:
    if operation in CONVOLUTIONS:
        kernel, _, repeats = CONVOLUTIONS[operation]
        return repeats * (math.log(kernel / 2) + math.log(channels**0.5 / 2))
    return math.log(channels**0.5 / 2) if operation == "halve" else 0.0
