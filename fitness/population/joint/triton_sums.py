"""Sums of rows in a planned order."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["count", "entries", "split"])
def sums_of_rows(  # type: ignore[no-untyped-def]  # Triton reads annotations
    x, rows, begins, factors, y, rest, count, entries, split, numbers, BLOCK: tl.constexpr,
):  # fmt: skip
    """`bags.sums_of`; sums from ``split`` on go to ``rest``. A program computes a block of one sum."""
    one = tl.program_id(0)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = at < numbers
    begin = tl.load(begins + one)
    end = tl.load(begins + one + 1, mask=one + 1 < count, other=entries)
    total = tl.full((BLOCK,), 0.0, x.dtype.element_ty)
    for entry in range(begin, end):
        row = tl.load(rows + entry).to(tl.int64)
        total += tl.load(factors + entry) * tl.load(x + row * numbers + at, mask=inside, other=0.0)
    wide = one.to(tl.int64)
    out = tl.where(one < split, y + wide * numbers, rest + (wide - split) * numbers)
    tl.store(out + at, total, mask=inside)


@triton.jit(do_not_specialize=["split", "states", "entries", "networks"])
def scales(  # type: ignore[no-untyped-def]  # Triton reads annotations
    largest, log_first, log_second, reach, growth, here, there, factors, logs, split, states, entries, networks,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """`factors.measured`, to ``factors`` (entries,) and ``logs`` (networks,), in one launch.

    Of ``states`` and of inputs, which come after them, a program computes those that its entries name. Inputs
    carry the scales ``log_first``, from ``split`` on ``log_second``.
    """
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside, listed = at < entries + networks, at < entries
    total = tl.full((BLOCK,), 0.0, tl.float64)
    for side in tl.static_range(2):
        named = tl.load((there if side else here) + at, mask=listed, other=0)
        one = tl.where(listed, named, states - networks + at - entries)
        is_state = inside & (one < states)
        found = tl.full((BLOCK,), -float("inf"), tl.float64)
        for end in tl.static_range(2):
            row = tl.load(reach + 2 * one + end, mask=is_state, other=0)
            row = tl.where(one < states, row, one - states)
            log = tl.load(log_first + row, mask=inside & (row < split), other=0.0)
            log += tl.load(log_second + row - split, mask=inside & (row >= split), other=0.0)
            size = tl.load(largest + row, mask=is_state, other=1.0).to(tl.float64)
            found = tl.maximum(found, log + tl.log(tl.where(size == 0, 1.0, size)))
        found += tl.load(growth + one, mask=is_state, other=0.0)
        total += tl.where(listed, -found, 0.0) if side else found
    tl.store(factors + at, tl.exp(total).to(factors.dtype.element_ty), mask=listed)
    tl.store(logs + at - entries, total, mask=inside & (at >= entries))
