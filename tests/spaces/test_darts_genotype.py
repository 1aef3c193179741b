"""Edits and renamings of DARTS genotypes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from evonas.testing.genotypes import published_genotypes
from spaces import Network, NetworkSize, Space
from spaces.darts import Genotype
from tests.spaces.renaming import RENAMINGS, Renaming, random_renaming, rename, renamed

LAYERS = 4


def build(space: Space, genotype: Genotype) -> Network:
    generator = torch.Generator().manual_seed(0)
    return space.build(genotype, NetworkSize(3, LAYERS), generator=generator).double()


def transported(network: Network, renamings: tuple[Renaming, Renaming]) -> dict[str, torch.Tensor]:
    """The weights of ``network`` under the names, and with the input channels, of its renaming."""
    old = network.state_dict()
    of_cell = [renamings[i in (LAYERS // 3, 2 * LAYERS // 3)] for i in range(LAYERS)]
    new = {}
    for name, tensor in old.items():
        parts = name.split(".")
        feeder = LAYERS - 1 if name == "classifier.weight" else -1
        if parts[0] == "cells":
            cell = int(parts[1])
            if parts[2] == "_ops":
                order, swaps = of_cell[cell]
                node, side = divmod(int(parts[3]), 2)
                parts[3] = str(2 * order.index(node) + (side ^ swaps[node]))
            elif tensor.dim() == 4:
                feeder = cell - 2 if parts[2] == "preprocess0" else cell - 1
        if feeder >= 0:  # its input channels are the nodes of that cell, in their order
            blocks = tensor.chunk(4, dim=1)
            tensor = torch.cat([blocks[node] for node in of_cell[feeder][0]], dim=1)
        new[".".join(parts)] = tensor
    return new


def images() -> torch.Tensor:
    return torch.randn((2, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_random_genotypes_are_strict(darts: Space, rng: np.random.Generator) -> None:
    assert all(darts.random(rng).strict for _ in range(500))


def test_a_strict_genotype_has_120_neighbours(darts: Space, rng: np.random.Generator) -> None:
    for _ in range(50):
        neighbours = darts.neighbours(darts.random(rng))
        assert len(neighbours) == len(set(neighbours)) == 120
        assert all(neighbour.strict for neighbour in neighbours)


def test_ten_thousand_mutations_are_real_single_edits_and_reach_every_neighbour(
    darts: Space, rng: np.random.Generator
) -> None:
    parent = darts.random(rng)
    before = (parent.normal, parent.normal_concat, parent.reduce, parent.reduce_concat)
    reached: set[Genotype] = set()
    kinds: Counter[str] = Counter()
    for _ in range(10_000):
        child = darts.mutate(parent, rng)
        assert child.strict
        edits = [
            (cell, old, new)
            for cell in ("normal", "reduce")
            for old, new in zip(getattr(parent, cell), getattr(child, cell), strict=True)
            if old != new
        ]
        assert len(edits) == 1
        cell, (old_operation, old_state), (new_operation, new_state) = edits[0]
        assert (old_operation == new_operation) != (old_state == new_state)
        kinds.update([cell, "operation" if old_state == new_state else "input"])
        reached.add(child)
    assert reached == set(darts.neighbours(parent)) and len(reached) == 120
    assert (parent.normal, parent.normal_concat, parent.reduce, parent.reduce_concat) == before
    for kind in ("normal", "reduce", "operation", "input"):  # equal chances: five standard deviations are 250
        assert abs(kinds[kind] - 5_000) < 250


def test_published_genotypes_outside_the_strict_space_mutate_into_genotypes_that_parse(
    darts: Space, rng: np.random.Generator
) -> None:
    outside = [genotype for genotype in published_genotypes(darts) if not genotype.strict]
    assert len(outside) >= 6
    for genotype in outside:
        for _ in range(20):
            child = darts.mutate(genotype, rng)
            assert darts.parse(str(child)) == child != genotype


def test_canonical_form_is_blind_to_renaming(darts: Space, rng: np.random.Generator) -> None:
    changed = 0
    for _ in range(200):
        genotype = darts.random(rng)
        other = rename(genotype, (random_renaming(genotype.normal, rng), random_renaming(genotype.reduce, rng)))
        assert darts.canonical(other) == darts.canonical(genotype)
        assert darts.key(other) == darts.key(genotype)
        changed += other != genotype
    assert changed > 150


def test_canonical_form_distinguishes_all_neighbours_of_a_genotype_that_are_no_renaming(
    darts: Space, rng: np.random.Generator
) -> None:
    genotype = darts.random(rng)
    same = {
        (renamed(genotype.normal, a), renamed(genotype.reduce, b))
        for a in RENAMINGS
        for b in RENAMINGS
        if renamed(genotype.normal, a) and renamed(genotype.reduce, b)
    }
    for neighbour in darts.neighbours(genotype):
        is_renaming = (neighbour.normal, neighbour.reduce) in same
        assert (darts.key(neighbour) == darts.key(genotype)) == is_renaming


def test_key_of_a_genotype_is_that_of_its_canonical_form(darts: Space, rng: np.random.Generator) -> None:
    for genotype in [darts.random(rng) for _ in range(100)] + published_genotypes(darts):
        assert darts.key(darts.canonical(genotype)) == darts.key(genotype)


def test_swapping_inputs_leaves_the_logits_exactly_equal(darts: Space, rng: np.random.Generator) -> None:
    for _ in range(3):
        genotype = darts.random(rng)
        swaps: list[Renaming] = [((0, 1, 2, 3), tuple(rng.random(4) < 0.7)) for _ in range(2)]
        old, new = build(darts, genotype), build(darts, rename(genotype, (swaps[0], swaps[1])))
        new.load_state_dict(transported(old, (swaps[0], swaps[1])))
        assert torch.equal(old(images()), new(images()))


def test_the_canonical_network_computes_the_same_function(darts: Space, rng: np.random.Generator) -> None:
    for _ in range(4):
        genotype = darts.random(rng)
        canonical = darts.canonical(genotype)
        found = [
            next(r for r in RENAMINGS if renamed(getattr(genotype, cell), r) == getattr(canonical, cell))
            for cell in ("normal", "reduce")
        ]
        assert rename(genotype, (found[0], found[1])) == canonical
        old, new = build(darts, genotype), build(darts, canonical)
        new.load_state_dict(transported(old, (found[0], found[1])))
        torch.testing.assert_close(new(images()), old(images()), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["NASNet_A", "AmoebaNet_A", "CROZE_CIFAR10"])
def test_cells_of_other_shapes_have_a_canonical_form_of_the_same_size(darts: Space, name: str) -> None:
    genotype = darts.named(name)
    canonical = darts.canonical(genotype)
    assert darts.canonical(canonical) == canonical
    assert darts.stages(canonical, NetworkSize(4, 5)) == darts.stages(genotype, NetworkSize(4, 5))
