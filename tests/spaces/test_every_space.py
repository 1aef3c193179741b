"""What must hold in every registered space."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from evonas.testing.space import PROPERTIES
from spaces import NetworkSize, Space, UsageError
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 3}, "image_size must be at least 4 in the space {name}, not 3"),
        ({"image_size": 1, "layers": 1}, "image_size must be at least 4 in the space {name}, not 1"),
        ({"image_size": 0}, "image_size must be an integer from 1 to 4096, not 0"),
        ({"image_size": 4097}, "image_size must be an integer from 1 to 4096, not 4097"),
        ({"layers": 0}, "layers must be an integer from 1 to 4096, not 0"),
        ({"channels": 2.5}, "channels must be an integer from 1 to 4096, not 2.5"),
    ],
    ids=str,
)
def test_a_size_that_cannot_be_built_is_refused(space: Space, changes: dict[str, Any], message: str) -> None:
    (genotype,) = random_genotypes(space, 1)
    with pytest.raises(UsageError) as caught:
        size = NetworkSize(**{"channels": 2, "layers": 3, **changes})
        space.build(genotype, size, generator=torch.Generator())
    assert str(caught.value) == message.format(name=space.name)


def test_a_space_may_need_more_layers(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(space), "min_layers", 3)
    space.check_size(NetworkSize(2, 3))
    with pytest.raises(UsageError, match=f"layers must be at least 3 in the space {space.name}, not 2"):
        space.check_size(NetworkSize(2, 2))


def test_the_shape_of_an_image_follows_from_its_size() -> None:
    assert NetworkSize(2, 3, image_size=17).image == (3, 17, 17)


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
