"""Which architectures of a table are scored."""

from __future__ import annotations

import numpy as np

from evonas.core.arguments import one_of
from evonas.data.tables.table import Table
from fitness import stable_hash
from spaces import UsageError

HALVES = ("A", "B")
MIN_SAMPLE = 5


def sample(
    table: Table, n: int | None = None, seed: int = 0, all_ids: bool = False, half: str | None = None
) -> list[int]:
    """Rows of ``table`` drawn with ``seed``: the first row of each isomorphism class, or any row with ``all_ids``.

    A larger ``n`` of the same seed begins with the rows of a smaller one; None takes all. ``half`` keeps the
    classes whose hash falls into ``A`` or into ``B``, for a fitness to be found on one and reported on the other.
    """
    if half is not None:
        one_of(half, "half", HALVES)
    rows = list(range(len(table))) if all_ids else table.classes()
    if half is not None:
        rows = [i for i in rows if half_of(table, i) == half]
    if n is not None and not MIN_SAMPLE <= n <= len(rows):
        what = "architectures" if all_ids else "distinct architectures"
        raise UsageError(
            f"{table.path} has {len(rows)} {what}: a sample can have {MIN_SAMPLE} to {len(rows)}, not {n}"
        )
    return [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))[:n]]


def half_of(table: Table, row: int) -> str:
    """Which of `HALVES` a row belongs to: a fixed function of its isomorphism class."""
    return HALVES[stable_hash("halves", table.space.key(table.genotypes[row])) & 1]
