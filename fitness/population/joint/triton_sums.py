"""Sums of rows in a planned order."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["sums", "entries", "split"])
def sums_of_rows(  # type: ignore[no-untyped-def]  # Triton reads annotations
    x, rows, begins, factors, y, rest, sums, entries, split, numbers, BLOCK: tl.constexpr,
):  # fmt: skip
    """`bags.sums_of`; sums from ``split`` on go to ``rest``. A program computes a block of one sum."""
    one = tl.program_id(0)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < numbers
    begin = tl.load(begins + one)
    end = tl.load(begins + one + 1, mask=one + 1 < sums, other=entries)
    total = tl.full((BLOCK,), 0.0, x.dtype.element_ty)
    for entry in range(begin, end):
        row = tl.load(rows + entry).to(tl.int64)
        total += tl.load(factors + entry) * tl.load(x + row * numbers + at, mask=inside, other=0.0)
    wide = one.to(tl.int64)
    out = tl.where(one < split, y + wide * numbers, rest + (wide - split) * numbers)
    tl.store(out + at, total, mask=inside)
