"""What a space has without defining it: the totals of its layers, draws and edits of independent positions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from spaces import NasBench201, NetworkSize, ProductSpace, Space
from tests.spaces.test_every_space import random_genotypes


@pytest.mark.parametrize("size", [NetworkSize(4, 5), NetworkSize(3, 2, classes=7, image_size=31)], ids=str)
def test_layers_are_counted_on_the_network(space: Space, size: NetworkSize) -> None:
    for genotype in random_genotypes(space, 2):
        closed, counted = space.stages(genotype, size), Space.stages(space, genotype, size)
        assert [stage.features for stage in counted] == [stage.features for stage in closed]
        assert [stage.tally.macs for stage in counted] == [stage.tally.macs for stage in closed]
        assert sum(stage.tally.params for stage in counted) == space.params(genotype, size)
        for stage in counted:  # every layer counts as live
            assert stage.tally.live_params == stage.tally.params
            assert stage.tally.live_fan_squared >= 0


class Independent(NasBench201):
    """NAS-Bench-201 without draws and edits of its own."""

    random, mutate = ProductSpace.random, Space.mutate


def test_draws_and_edits_of_independent_positions_are_uniform() -> None:
    space, rng = Independent(), np.random.default_rng(0)
    drawn = [space.random(rng).operations for _ in range(2000)]
    for position in zip(*drawn, strict=True):
        counts = Counter(position)
        assert len(counts) == 5 and all(abs(count - 400) < 90 for count in counts.values())  # five deviations
    parent = space.random(rng)
    edits = Counter(space.mutate(parent, rng) for _ in range(2400))
    assert set(edits) == set(space.neighbours(parent)) and len(edits) == 24
    assert all(abs(count - 100) < 50 for count in edits.values())


def test_a_genotype_is_its_own_canonical_form_and_key() -> None:
    space = NasBench201()
    (genotype,) = random_genotypes(space, 1)
    assert Space.canonical(space, genotype) is genotype
    assert Space.key(space, genotype) == str(space.canonical(genotype))
