"""Renaming DARTS genotypes, stated apart from the code under test: reorder nodes, swap inputs."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from spaces.darts import Genotype

Cell = tuple[tuple[str, int], ...]
Renaming = tuple[tuple[int, ...], tuple[bool, ...]]  # order[new node] = old node; swapped inputs of each old node
RENAMINGS: list[Renaming] = list(product(permutations(range(4)), product((False, True), repeat=4)))


def renamed(cell: Cell, renaming: Renaming) -> Cell | None:
    """``cell`` with its 4 nodes in another order and some inputs swapped; None if an input comes too late."""
    order, swaps = renaming
    new_state = {0: 0, 1: 1} | {2 + old: 2 + new for new, old in enumerate(order)}
    edges: list[tuple[str, int]] = []
    for new, old in enumerate(order):
        pair = [(operation, new_state[state]) for operation, state in cell[2 * old : 2 * old + 2]]
        if max(state for _, state in pair) >= 2 + new:
            return None
        edges += pair[::-1] if swaps[old] else pair
    return tuple(edges)


def random_renaming(cell: Cell, rng: np.random.Generator) -> Renaming:
    valid = [renaming for renaming in RENAMINGS if renamed(cell, renaming) is not None]
    return valid[rng.integers(len(valid))]


def rename(genotype: Genotype, renamings: tuple[Renaming, Renaming]) -> Genotype:
    normal, reduce = renamed(genotype.normal, renamings[0]), renamed(genotype.reduce, renamings[1])
    assert normal is not None and reduce is not None
    return Genotype(normal, genotype.normal_concat, reduce, genotype.reduce_concat)
