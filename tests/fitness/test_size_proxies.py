"""The closed-form proxies against a walk over a built network."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from fitness import Task, proxies
from spaces import Network, NetworkSize, Space
from spaces.nasbench201 import Cell
from tests.benchmarks.released_croze import darts_stages, features_of, nasbench201_stages

STAGES = {"darts": darts_stages, "nasbench201": nasbench201_stages, "robnet": darts_stages}
POOL = "('max_pool_3x3', 0), ('avg_pool_3x3', 1)"
CONVS = "('sep_conv_3x3', 0), ('dil_conv_5x5', 1)"
NONES = "('none', 0), ('none', 1)"


def darts_cells(normal: str, reduce: str, concat: str = "[2, 3]") -> str:
    return f"Genotype([{normal}], {concat}, [{reduce}], {concat})"


UNUSUAL = {
    "nothing passes": darts_cells(f"{NONES}, {NONES}", f"{NONES}, {NONES}"),
    "reductions are silent": darts_cells(f"{CONVS}, {CONVS}", f"{NONES}, {NONES}"),
    "normal cells are silent": darts_cells(f"{NONES}, {NONES}", f"{CONVS}, {CONVS}"),
    "a convolution behind none": darts_cells(
        f"{NONES}, ('sep_conv_3x3', 2), ('skip_connect', 0)", f"{CONVS}, ('none', 2), ('sep_conv_5x5', 2)"
    ),
    "a node that nobody reads": darts_cells(f"{CONVS}, {CONVS}", f"{POOL}, {CONVS}", "[3]"),
    "only the previous cell is read": darts_cells("('sep_conv_3x3', 1), ('skip_connect', 1)", POOL, "[2]"),
    "only the cell before it is read": darts_cells("('sep_conv_3x3', 0), ('none', 1)", CONVS, "[2]"),
    "one output twice": darts_cells(f"{CONVS}, {POOL}", f"{POOL}, {CONVS}", "[2, 3, 3]"),
    "a 1x7": darts_cells(
        "('conv_7x1_1x7', 0), ('sep_conv_7x7', 1)", "('conv_7x1_1x7', 0), ('skip_connect', 1)", "[2]"
    ),
}


def differentiated(space: Space, genotype: object, size: NetworkSize) -> Network:
    """Positive weights and images, BatchNorm as the identity: a weight has a gradient where it counts."""
    network = space.build(genotype, size, generator=torch.Generator().manual_seed(0)).double().eval()
    for parameter in network.parameters():
        parameter.data.abs_()
    side = size.image_size
    images = torch.rand((2, 3, side, side), generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.1
    logits = network(images)
    logits.sum().backward()
    return network


def is_live(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    return weight is not None and weight.grad is not None and bool(weight.grad.any())


def naive_live_size(network: Network) -> int:
    return sum(
        p.numel() for module in network.modules() if is_live(module) for p in module.parameters(recurse=False)
    )


def naive_croze_size(network: Network, stages: dict[str, str], side: int) -> int:
    features = features_of(network, stages)
    network(torch.zeros(1, 3, side, side, dtype=torch.float64))
    total = 0
    for name, stage in stages.items():
        layer = network.get_submodule(name)
        if is_live(layer):
            fan = layer.weight[0].numel()  # C_in/groups k k
            total += fan**2 * features[stage].numel()
    return total


def assert_sizes_equal_the_walk(space: Space, genotype: object, size: NetworkSize) -> None:
    network, task = differentiated(space, genotype, size), Task(space, size)
    found = {
        name: proxies[name].function(genotype, task) for name in ("params", "flops", "live-size", "croze-size")
    }
    assert found == {
        "params": space.params(genotype, size),
        "flops": 2 * space.macs(genotype, size),
        "live-size": naive_live_size(network),
        "croze-size": naive_croze_size(network, STAGES[space.name](network), size.image_size),
    }


@pytest.mark.parametrize("size", [NetworkSize(4, 3), NetworkSize(3, 4, 7, 17), NetworkSize(2, 1, 10, 9)], ids=str)
def test_sizes_of_random_genotypes_equal_a_walk_over_the_network(
    space: Space, size: NetworkSize, rng: np.random.Generator
) -> None:
    for _ in range(2):
        assert_sizes_equal_the_walk(space, space.random(rng), size)


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
@pytest.mark.parametrize("text", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_sizes_of_unusual_cells_equal_a_walk_over_the_network(darts: Space, text: str, layers: int) -> None:
    assert_sizes_equal_the_walk(darts, darts.parse(text), NetworkSize(2, layers, image_size=16))


@pytest.mark.parametrize("name", ["LRNAS_cifar10", "NASNet_A", "CROZE_CIFAR10"])
def test_sizes_of_published_genotypes_outside_the_space_equal_a_walk(darts: Space, name: str) -> None:
    assert_sizes_equal_the_walk(darts, darts.parse(name), NetworkSize(2, 4, image_size=16))


@pytest.mark.slow
def test_sizes_of_cells_with_every_pattern_of_none_equal_a_walk(nasbench201: Space) -> None:
    for there in product((False, True), repeat=6):
        cell = Cell(tuple("nor_conv_3x3" if one else "none" for one in there))
        assert_sizes_equal_the_walk(nasbench201, cell, NetworkSize(2, 1, image_size=8))


def test_croze_is_bounded_by_croze_size(
    space: Space, rng: np.random.Generator, make_task: Callable[..., Task]
) -> None:
    """P and Z are at most 2 an entry and G at most 1, so croze is at most four times its saturated limit."""
    task = make_task(space, 4, 3, n=3)
    for _ in range(4):
        genotype = space.random(rng)
        croze, size = (proxies[name].score(genotype, task).value for name in ("croze", "croze-size"))
        assert croze is not None and size is not None and math.isfinite(croze)
        assert 0 < croze <= 4 * size
