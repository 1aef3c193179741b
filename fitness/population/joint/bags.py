"""Weighted sums of rows, many in one call, each in the order of its list."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F


class Bag(NamedTuple):
    """The rows of many sums."""

    rows: Tensor  # (entries,), sum after sum
    begins: Tensor  # (sums,), the first entry of each
    entries: slice  # among those of a cell


def sums_of(x: Tensor, bag: Bag, factors: Tensor | None) -> Tensor:
    """Sums (sums, ...) of rows of ``x`` (rows, ...), weighted by ``factors`` (entries of a cell,).

    On CUDA a thread adds up one number of one sum, entry after entry, and reads only the rows that are named.
    """
    own = None if factors is None else factors[bag.entries]
    total = F.embedding_bag(bag.rows, x.view(len(x), -1), bag.begins, mode="sum", per_sample_weights=own)
    return total.view(-1, *x.shape[1:])
