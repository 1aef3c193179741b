"""What must hold in every registered space."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from evonas.testing.space import PROPERTIES
from spaces import NetworkSize, Space
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


def random_genotypes(space: Space, n: int, seed: int = 0) -> list:
    rng = np.random.default_rng(seed)
    return [space.random(rng) for _ in range(n)]


def test_genotypes_are_frozen_and_hashable(space: Space) -> None:
    for genotype in random_genotypes(space, 20):
        again = space.parse(str(genotype))
        assert hash(again) == hash(genotype) and {again: 1}[genotype] == 1
        for field in dataclasses.fields(genotype):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(genotype, field.name, getattr(genotype, field.name))


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_every_space_keeps_its_contract(holds: Callable[[Space], None], space: Space) -> None:
    holds(space)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_closed_form_sizes_equal_the_built_network(space: Space, size: NetworkSize) -> None:
    for genotype in random_genotypes(space, 1, seed=size.channels):
        expected = built_params_and_macs(space, genotype, size)
        assert (space.params(genotype, size), space.macs(genotype, size)) == expected
        assert space.flops(genotype, size) == 2 * expected[1]


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
