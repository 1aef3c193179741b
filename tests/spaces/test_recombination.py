"""Vectors of genotypes and children of two, beyond the contract of `evonas.testing`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spaces import Darts, NasBench201, RobNet, Space, UsageError
from tests.spaces.test_every_space import random_genotypes


class Plain(NasBench201):
    """A space that defines only what is abstract."""

    operations, recombine = Space.operations, Space.recombine  # type: ignore[assignment]


def taken(space: Space, a: Any, b: Any, child: Any) -> list[bool]:
    """For every gene in which the parents differ, whether it comes from ``b``."""
    arrows = ([arrow for graph in space.graphs(x) for arrow in graph.arrows] for x in (a, b, child))
    return [z == y for x, y, z in zip(*arrows, strict=True) if x != y]


@pytest.mark.parametrize(
    "space", [Darts(), NasBench201(), RobNet(), Plain()], ids=lambda space: type(space).__name__
)
def test_each_parent_gives_half_of_the_genes(space: Space) -> None:
    a, b = random_genotypes(space, 2)
    rng = np.random.default_rng(0)
    shares = np.array([taken(space, a, b, space.recombine(a, b, rng)) for _ in range(200)])
    assert (abs(shares.mean(axis=0) - 0.5) < 0.15).all()  # four standard deviations


def test_the_default_finds_the_operations_and_has_the_same_vectors() -> None:
    plain, declared = Plain(), NasBench201()
    assert sorted(declared.operations) == list(plain.operations)
    a, b = random_genotypes(plain, 2)
    assert plain.encode(a).shape == declared.encode(a).shape
    assert not np.array_equal(plain.encode(a), plain.encode(b))


class Walking(Darts):
    recombine = Space.recombine  # type: ignore[assignment]


def test_edits_lead_to_a_child_where_some_positions_are_not_free() -> None:
    """In this space an edge cannot take the state of the other edge of its node."""
    space, rng = Walking(), np.random.default_rng(0)
    a, b = random_genotypes(space, 2)
    children = [space.recombine(a, b, rng) for _ in range(10)]
    assert all(child.strict for child in children) and len(set(children)) == 10
    genes = [{x, y} for x, y in zip(a.normal + a.reduce, b.normal + b.reduce, strict=True)]
    for child in children:
        for (operation, state), pair in zip(child.normal + child.reduce, genes, strict=True):
            assert operation in {o for o, _ in pair} and state in {s for _, s in pair}


def test_the_length_of_a_vector_is_that_of_all_edges_times_operations_and_the_outputs() -> None:
    lengths = {Darts: 2 * (14 * 10 + 4), NasBench201: 6 * 5 + 3, RobNet: 14 * 4 + 4}
    for space, length in lengths.items():
        assert space().encode(random_genotypes(space(), 1)[0]).shape == (length,)


def test_a_vector_counts_the_edges_and_the_outputs() -> None:
    space = NasBench201()
    vector = space.encode(space.parse("|none~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|none~1|avg_pool_3x3~2|"))
    edges = vector[:-3].reshape(6, 5)  # by target, source; operations in the order of the space
    assert edges.argmax(1).tolist() == [0, 1, 2, 0, 0, 4] and edges.sum() == 6
    assert vector[-3:].tolist() == [0, 0, 1]


def test_a_genotype_of_another_form_has_no_vector_but_a_message() -> None:
    with pytest.raises(UsageError, match="normal cell: sep_conv_3x3 at 6 has no place in the encoding"):
        Darts().encode(Darts().parse("NASNet_A"))
    with pytest.raises(UsageError, match="cell 1: residual sep_conv_3x3 at 2 has no place"):
        RobNet().encode(RobNet().parse("RobNet_free"))


def test_published_cells_of_another_form_are_recombined_as_a_whole() -> None:
    space, rng = Darts(), np.random.default_rng(0)
    a, b = space.parse("NASNet_A"), space.parse("DARTS_V2")
    children = [space.recombine(a, b, rng) for _ in range(20)]
    assert {child.normal for child in children} == {a.normal, b.normal}
    assert {child.reduce for child in children} == {a.reduce, b.reduce}
    with pytest.raises(UsageError, match="different numbers of nodes or edges cannot be recombined"):
        Space.recombine(space, a, b, rng)


def test_one_code_of_a_robnet_is_that_of_every_cell() -> None:
    space, rng = RobNet(), np.random.default_rng(0)
    free, large = space.parse("RobNet_free"), space.parse("RobNet_large_v1")
    child = space.recombine(free, large, rng)
    assert len(child.cells) == 20 and child not in (free, large)
    for code, one in zip(child.cells, free.cells, strict=True):
        assert all(x in pair for x, *pair in zip(code, one, large.cells[0], strict=True))
    several = space.parse(f"RobNet(cells={['|'.join(code) for code in free.cells[:3]]})")
    with pytest.raises(UsageError, match="cannot be built with 20"):
        space.recombine(free, several, rng)
