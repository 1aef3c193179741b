"""The kernels of Triton as functions; the modules that hold them are imported when one is launched.

Off unless ``EVONAS_TRITON=1``: they have been compared with PyTorch in Triton's interpreter only.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from fitness.population.joint.bags import Bag
from fitness.population.joint.numbers import JointNumbers

VARIABLE = "EVONAS_TRITON"
BLOCK = 1024  # numbers that one program computes
MODULES = {
    **dict.fromkeys(("sums_of_rows", "scales"), "triton_sums"),
    **dict.fromkeys(("forward", "backward"), "triton_edges"),
    **dict.fromkeys(("stage_cosines", "perturbed", "column_cosines"), "triton_cosines"),
}


def chosen() -> bool:
    """Whether the environment asks for them."""
    return os.environ.get(VARIABLE) == "1"


def run(kernel: str, grid: tuple[int, ...], *arguments: Any) -> None:
    """Launch ``kernel`` with tensors (any shape, contiguous) and numbers."""
    assert all(one.is_contiguous() for one in arguments if isinstance(one, Tensor))
    module = importlib.import_module(f"{__package__}.{MODULES[kernel]}")
    getattr(module, kernel)[grid](*arguments)


def blocks(numbers: int) -> int:
    """How many programs compute ``numbers``."""
    return -(-numbers // BLOCK)


def sums_into(x: Tensor, bag: Bag, factors: Tensor, y: Tensor, rest: Tensor, *, first: int = 0) -> None:
    """`bags.sums_of`, its sums from ``first`` on, to ``y`` (sums, ...) and then to ``rest`` (sums, ...)."""
    numbers = x[0].numel()
    count, begins = len(y) + len(rest), bag.begins[first:]
    run(
        "sums_of_rows", (count, blocks(numbers)),
        x, bag.rows, begins, factors[bag.entries], y, rest, len(begins), len(bag.rows), len(y), numbers, BLOCK,
    )  # fmt: skip


def scales(
    largest: Tensor, logs: Sequence[Tensor], numbers: JointNumbers, growth: Tensor, factors: Tensor, log: Tensor
) -> None:
    """`factors.measured` of undivided inputs with ``largest`` (rows,) and one or two ``logs`` (rows,).

    Writes the ``factors`` (entries of all bags,) and the ``log`` (networks,).
    """
    first, second = logs[0], logs[-1]
    run(
        "scales", (blocks(len(factors) + len(log)),),
        largest, first, second, numbers.reach, growth, *numbers.factors, factors, log,
        len(first), len(growth), len(factors), len(log), BLOCK,
    )  # fmt: skip


class Edges(NamedTuple):
    """Where the edges of each kind of convolution end, and those of each other operation."""

    kinds: tuple[int, int, int, int]
    twice: int
    separable: int
    halved: int
    averaged: int
    every: int


class Read(NamedTuple):
    """What edges read and what they choose: (edges, C, N, H, W) of convolutions and of all others."""

    x: Tensor
    rest: Tensor
    even: Tensor  # (reductions, C, N, H', W'), and at the lower right neighbours
    odd: Tensor
    indices: Tensor  # of the maxima, numbers from 0 to 8


def forward(
    edges: Edges, read: Read, first: Tensor, once: Tensor, pooled: Tensor, weights: Sequence[Tensor], stride: int
) -> None:
    """Outputs (edges, C, N, H', W') of depthwise convolutions to ``first`` and ``once``, of pools to ``pooled``.

    ``weights`` (edges, C, k k) are of each kind of convolution; reductions write their pixels to ``read``.
    """
    some = read.x if edges.separable else read.rest
    channels, images, height, width = some.shape[1:]
    out = (first, once, pooled, read.even)
    height_out, width_out = next(y.shape[3:] for y in out if len(y))
    run(
        "forward", (edges.every, blocks(channels * images * height_out * width_out)),
        read.x, read.rest, first, once, read.even, read.odd, pooled, read.indices, *weights, *edges.kinds,
        *edges[1:5], channels, images, height, width, height_out, width_out, stride, BLOCK,
    )  # fmt: skip


class Given(NamedTuple):
    """Gradients of the outputs of edges, (edges, C, N, H', W') each."""

    first: Tensor
    once: Tensor
    even: Tensor
    odd: Tensor
    pooled: Tensor


def backward(
    edges: Edges, given: Given, read: Read, out: Tensor, weights: Sequence[Tensor], gradients: Sequence[Tensor],
    stride: int,
) -> None:  # fmt: skip
    """Gradients for what was read before its ReLU to ``out`` (edges, C, N, H, W), of filters to ``gradients``."""
    channels, images, height, width = out.shape[1:]
    height_out, width_out = next(g.shape[3:] for g in given if len(g))
    parts = blocks(channels * images * height * width)
    run(
        "backward", (edges.every, parts + (channels if edges.separable else 0)),
        *given, read.x, read.even, read.odd, read.indices, out, *weights, *gradients, *edges.kinds, *edges[1:5],
        channels, images, height, width, height_out, width_out, stride, parts, BLOCK,
    )  # fmt: skip
