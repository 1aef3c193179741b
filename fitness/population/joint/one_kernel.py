"""Depthwise convolutions of all kinds of a wave in one kernel of Triton, whose module is imported when it is used.

Off unless ``EVONAS_TRITON=1``: it has been compared with the present way in Triton's interpreter only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from fitness.population.waves import CONVOLUTIONS

if TYPE_CHECKING:
    from fitness.population.blocks import Parameters
    from fitness.population.joint.bundle import Depthwise

VARIABLE = "EVONAS_TRITON"
KINDS = [(one.kernel, one.dilation) for one in CONVOLUTIONS.values()]  # in the order of a bundle's edges
PIXELS = 256  # of an output that one program computes


def chosen() -> bool:
    """Whether the environment asks for it."""
    return os.environ.get(VARIABLE) == "1"


def depthwise_rows(
    layers: Sequence[Depthwise], x: Tensor, parameters: Parameters, out: Tensor, *, turned: bool = False
) -> None:
    """`kernels.depthwise` of all ``layers``, neighbours in the order of their kinds, in one launch.

    ``x`` (edges, C, N, H, W) and ``out`` (edges, C, N, H', W') are contiguous. ``turned``: the filters by half a
    circle.
    """
    from fitness.population.joint.triton_depthwise import depthwise

    begin, end = layers[0].rows.start, layers[-1].rows.stop
    stops, shifts, filters = [begin] * len(KINDS), [0] * len(KINDS), dict[int, Tensor]()
    for rows, place, _, dilation in layers:
        weights = parameters.stack(place)  # (rows, C, k k)
        size = round(weights.shape[-1] ** 0.5)
        kind, filters[size] = KINDS.index((size, dilation)), weights
        stops[kind] = rows.stop
        shifts[kind] = place.rows.start - rows.start
    for kind in range(1, len(KINDS)):
        stops[kind] = max(stops[kind], stops[kind - 1])
    some = next(iter(filters.values()))
    channels, images, height, width = x.shape[1:]
    blocks = -(-out.shape[3] * out.shape[4] // PIXELS)
    depthwise[(end - begin, channels * images, blocks)](
        x, out, *(filters.get(size, some) for size in (3, 5, 7)), begin, *stops[:-1], *shifts,
        channels, images, height, width, *out.shape[3:], layers[0].stride, turned, PIXELS,
    )  # fmt: skip
