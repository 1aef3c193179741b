"""The kernel of `one_kernel`. Each program computes some pixels of one image and channel of one edge."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def depthwise(  # type: ignore[no-untyped-def]  # Triton reads annotations
    x, y, w3, w5, w7, begin, s0, s1, s2, s3, h0, h1, h2, h3, h4, C, N, H, W, H_out, W_out, stride,
    TURNED: tl.constexpr, PIXELS: tl.constexpr,
):  # fmt: skip
    """Edges below ``s0`` are of the first kind, and so on; filter = edge + the shift ``h`` of its kind."""
    edge, plane = begin + tl.program_id(0), tl.program_id(1)
    size = tl.where(edge < s0, 3, tl.where(edge < s1, 5, tl.where(edge < s2, 7, tl.where(edge < s3, 3, 5))))
    dilation = tl.where(edge < s2, 1, 2)
    shift = tl.where(edge < s0, h0, tl.where(edge < s1, h1, tl.where(edge < s2, h2, tl.where(edge < s3, h3, h4))))
    taps, padding = size * size, dilation * (size - 1) // 2
    pixel = tl.program_id(2) * PIXELS + tl.arange(0, PIXELS)
    inside = pixel < H_out * W_out
    top, left = (pixel // W_out) * stride - padding, (pixel % W_out) * stride - padding
    source = x + (edge.to(tl.int64) * C * N + plane) * H * W
    filters = ((edge + shift).to(tl.int64) * C + plane // N) * taps
    total = tl.full((PIXELS,), 0.0, x.dtype.element_ty)
    for tap in range(taps):
        row, column = top + (tap // size) * dilation, left + (tap % size) * dilation
        there = inside & (row >= 0) & (row < H) & (column >= 0) & (column < W)
        at = filters + (taps - 1 - tap if TURNED else tap)
        weight = tl.load(w3 + at, mask=size == 3, other=0.0)
        weight += tl.load(w5 + at, mask=size == 5, other=0.0)
        weight += tl.load(w7 + at, mask=size == 7, other=0.0)
        total += weight * tl.load(source + row * W + column, mask=there, other=0.0)
    tl.store(y + (edge.to(tl.int64) * C * N + plane) * H_out * W_out + pixel, total, mask=inside)
