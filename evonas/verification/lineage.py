"""Checks that every child is one edit of a living parent."""

from __future__ import annotations

from collections.abc import Collection

from evonas.searching.algorithms import algorithms
from evonas.store.individual import Individual
from evonas.store.run import Run
from evonas.verification.finding import Finding, judged
from evonas.verification.replay import PART
from fitness import stable_hash
from spaces import Space, spaces
from spaces.errors import EvonasError

MAX_CHILDREN = 2000  # sampled by the seed


def lineage(store: Run, seed: int) -> Finding:
    """Checks births, parents, edits, canonical forms and cache flags."""
    space, kind = spaces[store.settings.space], algorithms[store.settings.algorithm]
    count = store.births()
    chance = MAX_CHILDREN / max(1, count)
    rows: list[Individual] = []
    seen: set[str] = set()
    alive: frozenset[int] = frozenset()
    looked_at = 0
    try:
        for number, row in enumerate(store.individuals()):
            look = row.generation > 0 and stable_hash(seed, "lineage", number) / 2**63 < chance
            looked_at += look
            if row.generation and (not rows or rows[-1].generation != row.generation):
                alive = frozenset(store.alive(row.generation - 1))
            wrong = _alone(space, number, row, seen) or _parents(row, rows, alive, kind.one_edit)
            if wrong is None and look and kind.one_edit:
                wrong = _edit(space, row, rows[row.parents[0]])
            if wrong is not None:
                return judged(PART, "lineage", f"birth {number}: {wrong}", "")
            seen.add(row.key)
            rows.append(row)
    except EvonasError as error:
        return judged(PART, "lineage", f"birth {len(rows)}: {error}", "")
    if not kind.one_edit:
        return judged(PART, "lineage", None, f"the parents of {count} births were born before them")
    return judged(PART, "lineage", None, f"{looked_at} children are one edit from a living parent")


def _alone(space: Space, number: int, row: Individual, seen: set[str]) -> str | None:
    """The error in a single row, if any."""
    if row.birth != number:
        return f"it has the number {row.birth}"
    if str(space.canonical(row.genotype)) != row.key:
        return "its canonical form is wrong"
    if row.cached != (row.key in seen):
        return (
            "marked as cached, but it is new"
            if row.cached
            else "not marked as cached, but equal to an earlier birth"
        )
    return None


def _parents(row: Individual, rows: list[Individual], alive: Collection[int], one_edit: bool) -> str | None:
    """The error in the relation of a child and its parents, if any."""
    if one_edit and len(row.parents) != (row.generation > 0):
        return f"it has generation {row.generation} and parent {row.parent}"
    for parent in row.parents:
        if one_edit and parent not in alive:
            return f"its parent {parent} was not alive in generation {row.generation}"
        if parent >= len(rows) or rows[parent].generation >= row.generation:
            return f"its parent {parent} was not born before generation {row.generation}"
    return None


def _edit(space: Space, row: Individual, parent: Individual) -> str | None:
    if row.genotype not in space.neighbours(parent.genotype):
        return f"it is not one edit from its parent {parent.birth}"
    return None
