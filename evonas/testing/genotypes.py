"""The part of a space's contract that is about genotypes as data: operations, vectors and children of two."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from evonas.testing.properties import global_generators, require
from spaces import Space
from spaces.operation import KINDS


def random_genotypes(space: Space, count: int, seed: int = 0) -> list[Any]:
    """Genotypes that `Space.random` draws."""
    rng = np.random.default_rng(seed)
    return [space.random(rng) for _ in range(count)]


def named(space: Space) -> str:
    """The space in a message."""
    return f"space {space.name!r}"


def published_genotypes(space: Space) -> list[Any]:
    """Those of `Space.published`, without their sources."""
    return [entry.genotype for entry in space.published().values()]


def published_genotypes_have_a_source_and_a_name(space: Space) -> None:
    for name, entry in space.published().items():
        what = f"{named(space)}: the published genotype {name!r}"
        require(entry.method and entry.source, f"{what} has no method or source")
        require(space.parse(name) == entry.genotype, f"{what} is not what parse reads from its name")
        require(space.named(name) == entry.genotype, f"{what} is not what named returns")


def every_operation_is_declared(space: Space) -> None:
    for genotype in [*random_genotypes(space, 200), *published_genotypes(space)]:
        used = {arrow.operation for graph in space.graphs(genotype) for arrow in graph.arrows}
        unknown = sorted(used - set(space.operations))
        require(not unknown, f"{named(space)}: operations lacks {unknown} of the graphs of {genotype}")
    for name, operation in space.operations.items():
        require(operation.label and operation.short, f"{named(space)}: operation {name!r} has no label")
        require(operation.kind in KINDS, f"{named(space)}: operation {name!r} has the kind {operation.kind!r}")


def encodings_are_equal_for_equal_canonical_forms_only(space: Space) -> None:
    genotypes, kind = random_genotypes(space, 200), named(space)
    canonical: dict[bytes, Any] = {}
    for genotype in genotypes:
        code, again = space.encode(genotype), space.encode(space.parse(str(genotype)))
        require(code.dtype == np.float32 and code.ndim == 1, f"{kind}: encode gives {code.dtype} {code.shape}")
        require(np.array_equal(code, again), f"{kind}: encode differs for two equal genotypes {genotype}")
        require(len(code) == len(space.encode(genotypes[0])), f"{kind}: encode of {genotype} has another length")
        form = space.canonical(genotype)
        other = canonical.setdefault(code.tobytes(), form)
        require(other == form, f"{kind}: encode is the same for {other} and {form}")
        same = np.array_equal(space.encode(form), code)
        require(same, f"{kind}: encode differs between {genotype} and its canonical form")


def samples_follow_the_weights_of_slots(space: Space) -> None:
    rng, kind = np.random.default_rng(1), named(space)
    for genotype in random_genotypes(space, 10):
        drawn = space.sample(space.encode(genotype), rng)
        same = space.canonical(drawn) == space.canonical(genotype)
        require(same, f"{kind}: sample of the vector of {genotype} gives {drawn}")
    equal = np.ones(len(space.encode(genotype)))
    several = {space.canonical(space.sample(equal, rng)) for _ in range(10)}
    require(len(several) > 5, f"{kind}: ten samples of equal weights are {len(several)} genotypes")


def children_take_every_gene_from_a_parent(space: Space) -> None:
    rng, kind = np.random.default_rng(0), named(space)
    genotypes = random_genotypes(space, 20)
    for a, b in pairwise(genotypes):
        written = str(a), str(b)
        children = [space.recombine(a, b, rng) for _ in range(10)]
        require((str(a), str(b)) == written, f"{kind}: recombine changes a parent of {written}")
        genes = list(zip(_genes(space, a), _genes(space, b), strict=True))
        for child in children:
            what = f"{kind}: recombine of {a} and {b} gives {child}"
            require(space.parse(str(child)) == child, f"{what}, which parse reads as another genotype")
            strange = [gene for gene, two in zip(_genes(space, child), genes, strict=True) if gene not in two]
            require(not strange, f"{what}, whose {strange} are in neither")
        for parent in (a, b):
            other = any(child != parent for child in children)
            require(other or a == b, f"{kind}: ten children of {a} and {b} are all {parent}")
        require(space.recombine(a, a, rng) == a, f"{kind}: a child of {a} and {a} is another genotype")

    def drawn(seed: int) -> list[Any]:
        own = np.random.default_rng(seed)
        return [space.recombine(genotypes[0], genotypes[1], own) for _ in range(10)]

    with global_generators(1, f"{kind}: recombine"):
        first = drawn(3)
    with global_generators(2, f"{kind}: recombine"):
        require(drawn(3) == first, f"{kind}: recombine does not draw alike from equal generators")
    require(drawn(4) != first, f"{kind}: recombine ignores its generator")


def _genes(space: Space, genotype: Any) -> list[object]:
    arrows = [arrow for graph in space.graphs(genotype) for arrow in graph.arrows]
    return [gene for arrow in arrows for gene in (arrow.source, arrow.operation)]
