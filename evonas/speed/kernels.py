"""Depthwise convolutions by memory format and precision: on a GPU the wrong pair is many times slower."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from evonas.speed.clock import alternate
from evonas.speed.roofline import Roofline
from fitness.precision import full_precision

LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
ON_GPU = ("float32", "TF32", "bfloat16")
SIDES = {"3x3": (3, 1), "5x5 dilated": (5, 2)}  # of the kernel, and its dilation


@dataclass(frozen=True)
class Kernel:
    """A forward and a backward pass of a depthwise convolution; times in seconds."""

    kernel: str
    layout: str
    precision: str
    seconds: float  # of the median round
    ratio: float  # speed relative to float32, contiguous
    fraction: float  # of the roofline: each tensor moved once


def kernels(device: str, images: int, channels: int, side: int, rounds: int, limits: Roofline) -> list[Kernel]:
    """Measure ``images`` of ``channels`` and ``side`` pixels in every layout, on a GPU in every precision."""
    precisions = ON_GPU if device.startswith("cuda") else ON_GPU[:1]
    rows: list[Kernel] = []
    for name, (width, dilation) in SIDES.items():
        ways = [(layout, precision) for precision in precisions for layout in LAYOUTS]
        calls = [
            _call(device, (images, channels, side, side), width, dilation, LAYOUTS[layout], precision)
            for layout, precision in ways
        ]
        alternate(calls, 1, device)  # kernels chosen
        timings = alternate(calls, rounds, device)
        for (layout, precision), timing in zip(ways, timings, strict=True):
            itemsize = 2 if precision == "bfloat16" else 4
            moved = 5 * itemsize * images * channels * side**2  # the input twice, the output, and their gradients
            ideal = moved / limits.bytes_per_second
            ratio = timings[0].median / timing.median
            rows.append(Kernel(name, layout, precision, timing.median, ratio, ideal / timing.median))
    return rows


def _call(
    device: str,
    shape: tuple[int, int, int, int],
    width: int,
    dilation: int,
    layout: torch.memory_format,
    precision: str,
) -> Callable[[], None]:
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    x = torch.ones(shape, device=device, dtype=dtype).contiguous(memory_format=layout).requires_grad_()
    weight = torch.ones(shape[1], 1, width, width, device=device, dtype=dtype)
    weight = weight.contiguous(memory_format=layout).requires_grad_()
    padding = dilation * (width // 2)
    grad = torch.ones(shape, device=device, dtype=dtype).contiguous(memory_format=layout)

    def call() -> None:
        with tensor_float32() if precision == "TF32" else full_precision():
            y = F.conv2d(x, weight, padding=padding, dilation=dilation, groups=shape[1])
            torch.autograd.grad(y, [x, weight], grad)

    return call


@contextmanager
def tensor_float32() -> Iterator[None]:
    """Within the block cuDNN may use TF32 in convolutions; the previous setting is restored."""
    cudnn: Any = torch.backends.cudnn
    place, name, value = (
        (cudnn.conv, "fp32_precision", "tf32") if hasattr(cudnn, "conv") else (cudnn, "allow_tf32", True)
    )
    before = getattr(place, name)
    try:
        setattr(place, name, value)
        yield
    finally:
        setattr(place, name, before)
