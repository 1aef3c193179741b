"""What must hold in every registered space."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from spaces import NetworkSize, Space, UsageError
from spaces.arithmetic import Arithmetic
from spaces.graph import differences
from tests.spaces.sizes import built_params_and_macs

SIZES = [  # channels, layers, classes, image size
    NetworkSize(4, 1, 10, 32),
    NetworkSize(3, 2, 10, 31),
    NetworkSize(5, 3, 7, 17),
    NetworkSize(6, 4, 100, 33),
    NetworkSize(1, 4, 2, 32),
    NetworkSize(8, 5, 10, 2),
    NetworkSize(2, 3, 3, 1),
]
SMALL = NetworkSize(4, 2)


def random_genotypes(space: Space, n: int, seed: int = 0) -> list:
    rng = np.random.default_rng(seed)
    return [space.random(rng) for _ in range(n)]


def test_random_genotypes_survive_writing_and_reading(space: Space) -> None:
    for genotype in random_genotypes(space, 200):
        assert space.parse(str(genotype)) == genotype


def test_genotypes_are_frozen_and_hashable(space: Space) -> None:
    for genotype in random_genotypes(space, 20):
        again = space.parse(str(genotype))
        assert hash(again) == hash(genotype) and {again: 1}[genotype] == 1
        for field in dataclasses.fields(genotype):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(genotype, field.name, getattr(genotype, field.name))


def test_random_genotypes_depend_on_the_generator_alone(space: Space) -> None:
    first = random_genotypes(space, 20, seed=1)
    np.random.seed(5)
    assert random_genotypes(space, 20, seed=1) == first
    assert random_genotypes(space, 20, seed=2) != first


def test_mutation_depends_on_the_generator_alone(space: Space) -> None:
    parent = random_genotypes(space, 1)[0]

    def children(seed: int) -> list:
        rng = np.random.default_rng(seed)
        return [space.mutate(parent, rng) for _ in range(20)]

    assert children(1) == children(1) != children(2)


def test_mutation_is_one_of_the_neighbours_and_never_changes_the_parent(
    space: Space, rng: np.random.Generator
) -> None:
    parents = random_genotypes(space, 20) + list(space.published().values())
    for parent in parents:
        written, neighbours = str(parent), set(space.neighbours(parent))
        for _ in range(20):
            child = space.mutate(parent, rng)
            assert child != parent and child in neighbours
        assert str(parent) == written


def test_neighbours_are_distinct_parse_and_lead_back(space: Space) -> None:
    for genotype in random_genotypes(space, 3):
        neighbours = space.neighbours(genotype)
        assert len(set(neighbours)) == len(neighbours) and genotype not in neighbours
        for neighbour in neighbours:
            assert space.parse(str(neighbour)) == neighbour
            assert genotype in space.neighbours(neighbour)


def test_canonical_is_idempotent_and_keeps_the_size(space: Space) -> None:
    for genotype in random_genotypes(space, 200):
        canonical = space.canonical(genotype)
        assert space.canonical(canonical) == canonical
        assert space.params(canonical, SMALL) == space.params(genotype, SMALL)
        assert space.macs(canonical, SMALL) == space.macs(genotype, SMALL)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_closed_form_sizes_equal_the_built_network(space: Space, size: NetworkSize) -> None:
    for genotype in random_genotypes(space, 1, seed=size.channels):
        expected = built_params_and_macs(space, genotype, size)
        assert (space.params(genotype, size), space.macs(genotype, size)) == expected
        assert space.flops(genotype, size) == 2 * expected[1]


def test_closed_form_sizes_equal_the_built_network_at_the_default_size(space: Space) -> None:
    size = space.default_size(classes=100, image_size=32)
    for genotype in random_genotypes(space, 1, seed=9):
        expected = built_params_and_macs(space, genotype, size)
        assert (space.params(genotype, size), space.macs(genotype, size)) == expected


@pytest.mark.parametrize("norm", [True, False], ids=["BatchNorm", "no BatchNorm"])
def test_built_networks_classify_images(space: Space, norm: bool) -> None:
    for genotype in random_genotypes(space, 3):
        size = NetworkSize(4, 3, classes=7)
        network = space.build(genotype, size, generator=torch.Generator().manual_seed(0), norm=norm)
        logits = network(torch.rand(2, 3, 32, 32))
        assert logits.shape == (2, 7) and logits.isfinite().all()


def test_building_depends_on_its_generator_and_leaves_the_global_one_alone(space: Space) -> None:
    genotype = random_genotypes(space, 1)[0]

    def weights(seed: int) -> torch.Tensor:
        network = space.build(genotype, SMALL, generator=torch.Generator().manual_seed(seed))
        return torch.cat([tensor.flatten().double() for tensor in network.state_dict().values()])

    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = weights(3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(3), first)
    assert not torch.equal(weights(4), first)


FINGERPRINTS = """
import hashlib, numpy, torch
from spaces import NetworkSize, spaces
def fingerprint(name):
    space = spaces[name]
    genotype = space.random(numpy.random.default_rng(0))
    network = space.build(genotype, NetworkSize(4, 2), generator=torch.Generator().manual_seed(11))
    weights = b"".join(tensor.numpy().tobytes() for tensor in network.state_dict().values())
    return str(genotype), space.key(genotype), hashlib.sha256(weights).hexdigest()
found = [fingerprint(name) for name in spaces]
"""


def test_genotypes_keys_and_weights_are_the_same_in_another_process(run_python: Callable[[str], str]) -> None:
    here: dict = {}
    exec(FINGERPRINTS, here)
    assert len(here["found"]) >= 2
    assert run_python(FINGERPRINTS + "print(found)") == str(here["found"])


def test_every_layer_belongs_to_a_stage_that_the_forward_pass_reports(space: Space) -> None:
    class Listener(Arithmetic):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def stage(self, name: str, x: torch.Tensor) -> torch.Tensor:
            self.heard.append(name)
            return x

    for genotype in random_genotypes(space, 2):
        network = space.build(genotype, NetworkSize(2, 3), generator=torch.Generator().manual_seed(0), norm=False)
        listener = Listener()
        network(torch.rand(1, 3, 32, 32), listener)
        layers = [name.removesuffix(".weight") for name, p in network.named_parameters() if p.dim() > 1]
        assert {network.stage_of(layer) for layer in layers} <= set(listener.heard)
        assert len(listener.heard) == len(set(listener.heard)) == len(space.stages(genotype, NetworkSize(2, 3)))


@pytest.mark.parametrize("text", ["", "   ", "nonsense", "1", "[]", "None", "\x00", "\ud800", "é" * 50_000])
def test_text_that_is_no_genotype_is_refused_in_one_short_line(space: Space, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        space.parse(text)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and len(message) < 500
    message.encode()  # printable anywhere


def test_graphs_name_every_state_and_flow_forward(space: Space) -> None:
    for genotype in random_genotypes(space, 20) + list(space.published().values()):
        for graph in space.graphs(genotype):
            assert len(set(graph.states)) == len(graph.states) > graph.inputs > 0
            assert all(0 <= a.source < a.target < len(graph.states) for a in graph.arrows)
            assert {a.target for a in graph.arrows} == set(range(graph.inputs, len(graph.states)))
            assert all(graph.inputs <= state < len(graph.states) for state in graph.outputs)


def test_an_edit_is_one_difference_between_graphs(space: Space, rng: np.random.Generator) -> None:
    for parent in random_genotypes(space, 20):
        child = space.mutate(parent, rng)
        assert not differences(space.graphs(parent), space.graphs(parent))
        (change,) = differences(space.graphs(parent), space.graphs(child))
        before, after = change.split(": ")[1].split(" -> ")
        assert before != after
