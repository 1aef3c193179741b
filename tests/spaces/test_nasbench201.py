"""The NAS-Bench-201 space against the benchmark's own table, and its network."""

from __future__ import annotations

import csv
import gzip
from itertools import product
from pathlib import Path

import pytest
import torch

from spaces import NetworkSize, Space, UsageError
from spaces.nasbench201 import Cell
from spaces.nasbench201.genotype import EDGES, OPERATIONS, live_edges

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"


@pytest.fixture(scope="module")
def every_cell() -> list[Cell]:
    return [Cell(operations) for operations in product(OPERATIONS, repeat=6)]


@pytest.fixture(scope="module")
def table(shared: Path) -> dict[str, str]:
    """The class (column uid) of each cell string of the benchmark."""
    path = shared / "data" / "nasbench201_cifar10.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        return {row["arch_str"]: row["uid"] for row in csv.DictReader(file)}


def test_all_15625_cells_parse_into_distinct_genotypes(nasbench201: Space, every_cell: list[Cell]) -> None:
    assert len({nasbench201.parse(str(cell)) for cell in every_cell}) == 15_625


def test_there_are_6466_keys(nasbench201: Space, every_cell: list[Cell]) -> None:
    assert len({nasbench201.key(cell) for cell in every_cell}) == 6_466


def test_keys_divide_the_cells_exactly_as_the_benchmark_does(nasbench201: Space, table: dict[str, str]) -> None:
    pairs = {(nasbench201.key(nasbench201.parse(text)), uid) for text, uid in table.items()}
    assert len(table) == 15_625
    assert len(pairs) == len({key for key, _ in pairs}) == len({uid for _, uid in pairs}) == 6_466


def test_the_benchmark_parts_1436_cells_from_their_renaming(nasbench201: Space, every_cell: list[Cell]) -> None:
    parted = [cell for cell in every_cell if nasbench201.key(nasbench201.canonical(cell)) != nasbench201.key(cell)]
    assert len(parted) == 1_436


def test_canonical_is_blind_to_swapping_nodes_1_and_2(nasbench201: Space, every_cell: list[Cell]) -> None:
    for cell in every_cell:
        a, b, joined, d, e, f = cell.operations
        swapped = Cell((b, a, joined, d, f, e))
        if joined == "none":
            assert nasbench201.canonical(cell) == nasbench201.canonical(swapped) in (cell, swapped)
        else:
            assert nasbench201.canonical(cell) == cell


def test_the_canonical_network_computes_the_same_function(nasbench201: Space) -> None:
    cell = nasbench201.parse(
        "|nor_conv_3x3~0|+|avg_pool_3x3~0|none~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    )
    canonical = nasbench201.canonical(cell)
    assert canonical != cell
    networks = [
        nasbench201.build(c, NetworkSize(3, 2), generator=torch.Generator().manual_seed(0)).double()
        for c in (cell, canonical)
    ]
    swap = {"0": "1", "1": "0", "4": "5", "5": "4"}  # edges of nodes 1 and 2
    weights = {}
    for name, tensor in networks[0].state_dict().items():
        parts = name.split(".")
        if "layers" in parts:
            parts[3] = swap.get(parts[3], parts[3])
        weights[".".join(parts)] = tensor
    networks[1].load_state_dict(weights)
    images = torch.randn((2, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(networks[1](images), networks[0](images), rtol=1e-12, atol=1e-13)


def test_a_cell_has_24_neighbours(nasbench201: Space, every_cell: list[Cell]) -> None:
    for cell in every_cell[::500]:
        neighbours = set(nasbench201.neighbours(cell))
        assert len(neighbours) == 24
        for neighbour in neighbours:
            assert sum(a != b for a, b in zip(cell.operations, neighbour.operations, strict=True)) == 1


@pytest.mark.parametrize("present", list(product((False, True), repeat=6)), ids=str)
def test_live_edges_are_those_that_a_gradient_reaches(nasbench201: Space, present: tuple[bool, ...]) -> None:
    cell = Cell(tuple("nor_conv_3x3" if there else "none" for there in present))
    size = NetworkSize(2, 1, image_size=8)
    network = nasbench201.build(cell, size, generator=torch.Generator().manual_seed(0)).double().eval()
    for parameter in network.parameters():
        parameter.data.abs_()
    network(torch.rand(1, 3, 8, 8, dtype=torch.float64)).sum().backward()
    for inner in (network.cells[0], network.cells[4]):
        reached = [there and bool(inner.layers[i].op[1].weight.grad.any()) for i, there in enumerate(present)]
        assert tuple(reached) == live_edges(cell)


def test_names_follow_the_benchmark(nasbench201: Space) -> None:
    with torch.device("meta"):
        network = nasbench201.construct(nasbench201.parse(CELL), NetworkSize(4, 2))
    modules = {name.rpartition(".")[0] for name, _ in network.named_parameters()}
    cells = {f"cells.{i}.layers.{edge}.op.{j}" for i in (0, 1, 3, 4, 6, 7) for edge in (0, 1, 4) for j in (1, 2)}
    reductions = {f"cells.{i}.{conv}.op.{j}" for i in (2, 5) for conv in ("conv_a", "conv_b") for j in (1, 2)}
    shortcuts = {f"cells.{i}.downsample.1" for i in (2, 5)}
    assert modules == {"stem.0", "stem.1", "lastact.0", "classifier"} | cells | reductions | shortcuts


def test_edges_are_written_in_the_order_of_their_targets(nasbench201: Space) -> None:
    cell = nasbench201.parse(CELL)
    assert str(cell) == CELL
    assert dict(zip(EDGES, cell.operations, strict=True)) == {
        (0, 1): "nor_conv_3x3",
        (0, 2): "nor_conv_3x3",
        (1, 2): "skip_connect",
        (0, 3): "none",
        (1, 3): "nor_conv_1x1",
        (2, 3): "avg_pool_3x3",
    }


@pytest.mark.parametrize(
    "text",
    [
        CELL[:-1],
        CELL[1:],
        CELL + CELL,
        CELL.replace("~1|", "~0|"),
        CELL.replace("+", ""),
        CELL.replace("none", ""),
        CELL.replace("none", "None"),
        CELL.replace("none", "nor_conv_5x5"),
        CELL.replace("none", "x" * 10_000),
        CELL.replace("none", "\n"),
        "[" + CELL,
        "[" + CELL + ", " + CELL + "]",
    ],
)
def test_a_malformed_cell_is_refused_in_one_short_line(nasbench201: Space, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        nasbench201.parse(text)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 300


def test_an_unknown_operation_answers_with_the_closest(nasbench201: Space) -> None:
    with pytest.raises(UsageError, match="'nor_conv_5x5': did you mean nor_conv_"):
        nasbench201.parse(CELL.replace("none", "nor_conv_5x5"))


@pytest.mark.parametrize("operations", [(), ("none",) * 5, ("none",) * 7, ("conv",) * 6])
def test_a_cell_of_other_operations_cannot_be_made(operations: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        Cell(operations)
