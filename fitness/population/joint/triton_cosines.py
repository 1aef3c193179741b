"""Cosines of layers and of stages, and perturbed weights. All sums have a fixed order."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def stage_cosines(  # type: ignore[no-untyped-def]  # Triton reads annotations
    u, v, sums, C, N, area, parts, BLOCK: tl.constexpr
):
    """``sums`` (networks, parts) of the cosines over images of ``u`` and ``v`` (networks, C, N, area).

    A program adds up every ``parts``-th block of the positions of one network.
    """
    network, part = tl.program_id(0), tl.program_id(1)
    first = network.to(tl.int64) * C * N * area
    total = tl.full((BLOCK,), 0.0, tl.float64)
    for begin in range(part * BLOCK, C * area, parts * BLOCK):
        position = begin + tl.arange(0, BLOCK)
        inside = position < C * area
        at = first + (position // area) * N * area + position % area
        most_u, most_v = tl.full((BLOCK,), 0.0, u.dtype.element_ty), tl.full((BLOCK,), 0.0, u.dtype.element_ty)
        for n in range(N):
            most_u = tl.maximum(most_u, tl.abs(tl.load(u + at + n * area, mask=inside, other=0.0)))
            most_v = tl.maximum(most_v, tl.abs(tl.load(v + at + n * area, mask=inside, other=0.0)))
        most_u, most_v = tl.where(most_u == 0, 1.0, most_u), tl.where(most_v == 0, 1.0, most_v)
        uv, uu = tl.full((BLOCK,), 0.0, u.dtype.element_ty), tl.full((BLOCK,), 0.0, u.dtype.element_ty)
        vv = tl.full((BLOCK,), 0.0, u.dtype.element_ty)
        for n in range(N):
            one = tl.load(u + at + n * area, mask=inside, other=0.0) / most_u
            other = tl.load(v + at + n * area, mask=inside, other=0.0) / most_v
            uv += one * other
            uu += one * one
            vv += other * other
        length = tl.sqrt(uu * vv)
        total += (uv / tl.where(length == 0, 1.0, length)).to(tl.float64)
    tl.store(sums + network * parts + part, tl.sum(total, 0))


@triton.jit
def perturbed(  # type: ignore[no-untyped-def]  # Triton reads annotations
    w, g, out, numbers, BETA: tl.constexpr, BLOCK: tl.constexpr
):
    """``out`` = w + beta |w| g / |g| of rows (rows, numbers); a program computes one."""
    first = tl.program_id(0).to(tl.int64) * numbers
    most_w, most_g = tl.full((BLOCK,), 0.0, w.dtype.element_ty), tl.full((BLOCK,), 0.0, w.dtype.element_ty)
    for begin in range(0, numbers, BLOCK):
        at = begin + tl.arange(0, BLOCK)
        most_w = tl.maximum(most_w, tl.abs(tl.load(w + first + at, mask=at < numbers, other=0.0)))
        most_g = tl.maximum(most_g, tl.abs(tl.load(g + first + at, mask=at < numbers, other=0.0)))
    unit_w, unit_g = tl.max(most_w, 0), tl.max(most_g, 0)
    unit_w, unit_g = tl.where(unit_w == 0, 1.0, unit_w), tl.where(unit_g == 0, 1.0, unit_g)
    sum_w, sum_g = tl.full((BLOCK,), 0.0, w.dtype.element_ty), tl.full((BLOCK,), 0.0, w.dtype.element_ty)
    for begin in range(0, numbers, BLOCK):
        at = begin + tl.arange(0, BLOCK)
        one = tl.load(w + first + at, mask=at < numbers, other=0.0) / unit_w
        other = tl.load(g + first + at, mask=at < numbers, other=0.0) / unit_g
        sum_w += one * one
        sum_g += other * other
    norm, length = tl.sqrt(tl.sum(sum_w, 0)) * unit_w, tl.sqrt(tl.sum(sum_g, 0))
    length = tl.where(length == 0, 1.0, length)
    for begin in range(0, numbers, BLOCK):
        at = begin + tl.arange(0, BLOCK)
        one = tl.load(w + first + at, mask=at < numbers, other=0.0)
        other = tl.load(g + first + at, mask=at < numbers, other=0.0) / unit_g
        tl.store(out + first + at, one + norm * BETA * (other / length), mask=at < numbers)


@triton.jit
def column_cosines(  # type: ignore[no-untyped-def]  # Triton reads annotations
    u, u_other, share, share_other, v, sums, outputs, fan, MIXED: tl.constexpr, BLOCK: tl.constexpr
):
    """``sums`` (rows,) of the cosines over outputs of ``u`` and ``v`` (rows, outputs, fan), one a program.

    ``MIXED``: the sums of their magnitudes, with ``share`` (rows,) of ``u`` and ``share_other`` of ``u_other``.
    """
    row = tl.program_id(0)
    first = row.to(tl.int64) * outputs * fan
    total = tl.full((BLOCK,), 0.0, tl.float64)
    for begin in range(0, fan, BLOCK):
        column = begin + tl.arange(0, BLOCK)
        inside = column < fan
        at = first + column
        most_u, most_v = tl.full((BLOCK,), 0.0, u.dtype.element_ty), tl.full((BLOCK,), 0.0, u.dtype.element_ty)
        for k in range(outputs):
            one = tl.load(u + at + k * fan, mask=inside, other=0.0)
            if MIXED:
                one = one * tl.load(share + row)
                one += tl.load(u_other + at + k * fan, mask=inside, other=0.0) * tl.load(share_other + row)
            most_u = tl.maximum(most_u, tl.abs(one))
            most_v = tl.maximum(most_v, tl.abs(tl.load(v + at + k * fan, mask=inside, other=0.0)))
        most_u, most_v = tl.where(most_u == 0, 1.0, most_u), tl.where(most_v == 0, 1.0, most_v)
        uv, uu = tl.full((BLOCK,), 0.0, u.dtype.element_ty), tl.full((BLOCK,), 0.0, u.dtype.element_ty)
        vv = tl.full((BLOCK,), 0.0, u.dtype.element_ty)
        for k in range(outputs):
            one = tl.load(u + at + k * fan, mask=inside, other=0.0)
            if MIXED:
                one = one * tl.load(share + row)
                one += tl.load(u_other + at + k * fan, mask=inside, other=0.0) * tl.load(share_other + row)
            one /= most_u
            other = tl.load(v + at + k * fan, mask=inside, other=0.0) / most_v
            uv += one * other
            uu += one * one
            vv += other * other
        length = tl.sqrt(uu * vv)
        cosine = uv / tl.where(length == 0, 1.0, length)
        total += (tl.abs(cosine) if MIXED else cosine).to(tl.float64)
    tl.store(sums + row, tl.sum(total, 0))
