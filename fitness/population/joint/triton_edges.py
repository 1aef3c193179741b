"""All edges of one wave and stride in one kernel, forwards and backwards.

Edges come in the order of `fitness.population.waves.ORDER`: separable convolutions below ``separable``, of two
repeats below ``twice``, then reductions below ``halved``, average pools below ``averaged``, and max pools.
Convolutions are of five kinds, which end at ``s0`` to ``s3`` and ``separable``, with weights ``w0`` to ``w4``.
What convolutions and reductions read passes its ReLU when it is read. No function is called, because at every
call Triton's interpreter repeats its preparations.
"""

from __future__ import annotations

import triton
import triton.language as tl

COUNTS = ["s0", "s1", "s2", "s3", "twice", "separable", "halved", "averaged"]
WEIGHTS = ["w0", "w1", "w2", "w3", "w4"]
GRADIENTS = ["d0", "d1", "d2", "d3", "d4"]


@triton.jit(do_not_specialize=COUNTS + WEIGHTS)
def forward(  # type: ignore[no-untyped-def]  # Triton reads annotations
    x, rest, first, once, even, odd, pooled, indices, w0, w1, w2, w3, w4, s0, s1, s2, s3,
    twice, separable, halved, averaged, C, N, H, W, H_out, W_out, stride, BLOCK: tl.constexpr,
):  # fmt: skip
    """A program computes a block of the output of one edge.

    Convolutions read ``x`` (edges, C, N, H, W) and write ``first`` or ``once``; the others read ``rest``.
    Reductions write every other pixel and its lower right neighbour, max pools which of nine pixels they chose.
    """
    edge = tl.program_id(0)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    area, area_out = H * W, H_out * W_out
    space, space_out = C * N * area, C * N * area_out
    inside = at < space_out
    plane, pixel = at // area_out, at % area_out
    row, column = (pixel // W_out) * stride, (pixel % W_out) * stride
    wide = edge.to(tl.int64)
    kind = (edge >= s0).to(tl.int32) + (edge >= s1).to(tl.int32)
    kind += (edge >= s2).to(tl.int32) + (edge >= s3).to(tl.int32)
    total = tl.full((BLOCK,), 0.0, x.dtype.element_ty)
    if edge < separable:
        size = tl.where(kind < 3, 2 * kind + 3, 2 * kind - 3)
        dilation = tl.where(kind < 3, 1, 2)
        taps, padding = size * size, dilation * (size - 1) // 2
        source = x + wide * space + plane * area
        late = tl.where(kind < 3, s1, tl.where(kind < 4, s2, s3))
        own = edge - tl.where(kind < 1, 0, tl.where(kind < 2, s0, late))
        last = tl.where(kind < 3, w2, tl.where(kind < 4, w3, w4))
        filters = tl.where(kind < 1, w0, tl.where(kind < 2, w1, last))
        filters += (own * C + plane // N) * taps
        for i in range(size):
            r = row - padding + i * dilation
            in_rows, line = inside & (r >= 0) & (r < H), source + r * W
            for j in range(size):
                c = column - padding + j * dilation
                value = tl.load(line + c, mask=in_rows & (c >= 0) & (c < W), other=0.0)
                total += tl.where(value < 0, 0.0, value) * tl.load(filters, mask=inside, other=0.0)
                filters += 1
        out = tl.where(edge < twice, first + wide * space_out, once + (wide - twice) * space_out)
        tl.store(out + at, total, mask=inside)
    else:
        source = rest + (wide - separable) * space + plane * area
        if edge < halved:
            value = tl.load(source + row * W + column, mask=inside, other=0.0)
            tl.store(even + (wide - separable) * space_out + at, tl.where(value < 0, 0.0, value), mask=inside)
            there = inside & (row + 1 < H) & (column + 1 < W)
            value = tl.load(source + (row + 1) * W + column + 1, mask=there, other=0.0)
            tl.store(odd + (wide - separable) * space_out + at, tl.where(value < 0, 0.0, value), mask=inside)
        else:
            largest = tl.full((BLOCK,), -float("inf"), x.dtype.element_ty)
            which, count = tl.full((BLOCK,), 0, tl.int32), tl.full((BLOCK,), 0, tl.int32)
            for tap in range(9):
                r, c = row - 1 + tap // 3, column - 1 + tap % 3
                there = inside & (r >= 0) & (r < H) & (c >= 0) & (c < W)
                value = tl.load(source + r * W + c, mask=there, other=0.0)
                larger = there & ((value > largest) | (value != value))
                largest, which = tl.where(larger, value, largest), tl.where(larger, tap, which)
                total += value
                count += there.to(tl.int32)
            out = pooled + (wide - halved) * space_out + at
            if edge < averaged:
                tl.store(out, total / tl.maximum(count, 1).to(total.dtype), mask=inside)
            else:
                tl.store(out, largest, mask=inside)
                tl.store(indices + (wide - averaged) * space_out + at, which.to(total.dtype), mask=inside)


@triton.jit(do_not_specialize=COUNTS + WEIGHTS + GRADIENTS)
def backward(  # type: ignore[no-untyped-def]  # Triton reads annotations
    g_first, g_once, g_even, g_odd, g_pooled, x, even, odd, indices, out, w0, w1, w2, w3, w4, d0, d1, d2, d3, d4,
    s0, s1, s2, s3, twice, separable, halved, averaged, C, N, H, W, H_out, W_out, stride, blocks,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """The first ``blocks`` programs of an edge compute ``out``, the gradient for what it read before its ReLU.

    The others compute the gradient of the filters of one channel of a convolution, pixels in a fixed order.
    """
    edge, part = tl.program_id(0), tl.program_id(1)
    lane = tl.arange(0, BLOCK)
    area, area_out = H * W, H_out * W_out
    space, space_out = C * N * area, C * N * area_out
    wide = edge.to(tl.int64)
    kind = (edge >= s0).to(tl.int32) + (edge >= s1).to(tl.int32)
    kind += (edge >= s2).to(tl.int32) + (edge >= s3).to(tl.int32)
    if part < blocks:
        at = part * BLOCK + lane
        inside = at < space
        plane, row, column = at // area, (at % area) // W, at % W
        total = tl.full((BLOCK,), 0.0, x.dtype.element_ty)
        if edge < separable:
            size = tl.where(kind < 3, 2 * kind + 3, 2 * kind - 3)
            dilation = tl.where(kind < 3, 1, 2)
            taps, padding = size * size, dilation * (size - 1) // 2
            late = tl.where(kind < 3, s1, tl.where(kind < 4, s2, s3))
            own = edge - tl.where(kind < 1, 0, tl.where(kind < 2, s0, late))
            last = tl.where(kind < 3, w2, tl.where(kind < 4, w3, w4))
            filters = tl.where(kind < 1, w0, tl.where(kind < 2, w1, last))
            filters += (own * C + plane // N) * taps
            g = tl.where(edge < twice, g_first + wide * space_out, g_once + (wide - twice) * space_out)
            for i in range(size):
                r = row + padding - i * dilation
                in_rows = inside & (r >= 0) & (r % stride == 0) & (r // stride < H_out)
                line = g + plane * area_out + (r // stride) * W_out
                for j in range(size):
                    c = column + padding - j * dilation
                    there = in_rows & (c >= 0) & (c % stride == 0) & (c // stride < W_out)
                    value = tl.load(line + c // stride, mask=there, other=0.0)
                    total += value * tl.load(filters, mask=inside, other=0.0)
                    filters += 1
            value = tl.load(x + wide * space + at, mask=inside, other=0.0)
            total = tl.where(value <= 0, 0.0, total)
        else:
            if edge < halved:
                from_even = inside & (row % 2 == 0) & (column % 2 == 0)
                from_odd = inside & (row % 2 == 1) & (column % 2 == 1)
                pixel = (wide - separable) * space_out + plane * area_out + (row // 2) * W_out + column // 2
                value = tl.load(even + pixel, mask=from_even, other=0.0)
                value += tl.load(odd + pixel, mask=from_odd, other=0.0)
                total += tl.load(g_even + pixel, mask=from_even, other=0.0)
                total += tl.load(g_odd + pixel, mask=from_odd, other=0.0)
                total = tl.where(value <= 0, 0.0, total)
            else:
                for tap in range(9):
                    r, c = row + 1 - tap // 3, column + 1 - tap % 3  # the middle of a window, from which it counts
                    there = inside & (r >= 0) & (c >= 0) & (r % stride == 0) & (c % stride == 0)
                    there = there & (r // stride < H_out) & (c // stride < W_out)
                    pixel = plane * area_out + (r // stride) * W_out + c // stride
                    value = tl.load(g_pooled + (wide - halved) * space_out + pixel, mask=there, other=0.0)
                    if edge < averaged:
                        count = tl.minimum(r + 2, H) - tl.maximum(r - 1, 0)
                        count *= tl.minimum(c + 2, W) - tl.maximum(c - 1, 0)
                        total += value / tl.maximum(count, 1).to(total.dtype)
                    else:
                        which = tl.load(indices + (wide - averaged) * space_out + pixel, mask=there, other=-1.0)
                        total += tl.where(which == tap, value, 0.0)
        tl.store(out + wide * space + at, total, mask=inside)
    elif edge < separable:
        channel = part - blocks
        size = tl.where(kind < 3, 2 * kind + 3, 2 * kind - 3)
        dilation = tl.where(kind < 3, 1, 2)
        taps, padding = size * size, dilation * (size - 1) // 2
        late = tl.where(kind < 3, s1, tl.where(kind < 4, s2, s3))
        own = edge - tl.where(kind < 1, 0, tl.where(kind < 2, s0, late))
        last = tl.where(kind < 3, d2, tl.where(kind < 4, d3, d4))
        found = tl.where(kind < 1, d0, tl.where(kind < 2, d1, last))
        found += (own * C + channel) * taps
        g = tl.where(edge < twice, g_first + wide * space_out, g_once + (wide - twice) * space_out)
        g, source = g + channel * N * area_out, x + wide * space + channel * N * area
        for tap in range(taps):
            sums = tl.full((BLOCK,), 0.0, x.dtype.element_ty)
            for begin in range(0, N * area_out, BLOCK):
                pixel = begin + lane
                inside = pixel < N * area_out
                r = ((pixel % area_out) // W_out) * stride - padding + (tap // size) * dilation
                c = (pixel % W_out) * stride - padding + (tap % size) * dilation
                there = inside & (r >= 0) & (r < H) & (c >= 0) & (c < W)
                value = tl.load(source + (pixel // area_out) * area + r * W + c, mask=there, other=0.0)
                sums += tl.where(value < 0, 0.0, value) * tl.load(g + pixel, mask=inside, other=0.0)
            tl.store(found + tap, tl.sum(sums, 0))
