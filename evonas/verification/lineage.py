"""Checks that every child is one edit of a living parent."""

from __future__ import annotations

from evonas.store.run import Run
from evonas.store.schema import IndividualRow
from evonas.verification.finding import Finding, judged
from evonas.verification.replay import PART
from fitness import stable_hash
from spaces import Space, spaces
from spaces.errors import EvonasError

MAX_CHILDREN = 2000  # sampled by the seed


def lineage(store: Run, seed: int) -> Finding:
    """Checks births, parents, edits, canonical forms and cache flags."""
    settings = store.settings
    space = spaces[settings.space]
    rows = list(store.individuals())
    seen: set[str] = set()
    chance = MAX_CHILDREN / max(1, len(rows))
    looked_at = 0
    for number, row in enumerate(rows):
        look = row.generation > 0 and stable_hash(seed, "lineage", number) / 2**63 < chance
        looked_at += look
        try:
            wrong = _alone(space, number, row, seen)
            if wrong is None and row.generation:
                wrong = _parent(space, rows, row, settings.population, settings.children or 1, look)
        except EvonasError as error:
            wrong = str(error)
        if wrong is not None:
            return judged(PART, "lineage", f"birth {number}: {wrong}", "")
        seen.add(row.canonical)
    return judged(PART, "lineage", None, f"{looked_at} children are one edit from a living parent")


def _alone(space: Space, number: int, row: IndividualRow, seen: set[str]) -> str | None:
    """The error in a single row, if any."""
    if row.birth != number:
        return f"it has the number {row.birth}"
    if (row.parent is None) != (row.generation == 0):
        return f"it has generation {row.generation} and parent {row.parent}"
    if str(space.canonical(space.parse(row.genotype))) != row.canonical:
        return "its canonical form is wrong"
    if row.cached != (row.canonical in seen):
        return (
            "marked as cached, but it is new"
            if row.cached
            else "not marked as cached, but equal to an earlier birth"
        )
    return None


def _parent(
    space: Space, rows: list[IndividualRow], row: IndividualRow, population: int, children: int, look: bool
) -> str | None:
    """The error in the relation of a child and its parent, if any."""
    first = population + (row.generation - 1) * children  # birth of its generation
    if row.parent is None or not first - population <= row.parent < first:
        return f"its parent {row.parent} was not alive in generation {row.generation}"
    if look and space.parse(row.genotype) not in space.neighbours(space.parse(rows[row.parent].genotype)):
        return f"it is not one edit from its parent {row.parent}"
    return None
