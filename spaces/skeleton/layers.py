"""The layers of the skeleton in closed form."""

from __future__ import annotations

from spaces.size import Layer

STEM_MULTIPLIER = 3


def reductions(layers: int) -> tuple[int, int]:
    """The positions of the two reduction cells, L//3 and 2L//3."""
    return layers // 3, 2 * layers // 3


def factorized_reduce_layers(c_in: int, c_out: int, positions: int) -> tuple[Layer, ...]:
    """Layers of `FactorizedReduce`; ``positions`` is H*W of its output."""
    half = c_out // 2
    return (Layer(half, c_in, positions, 2 * half), Layer(c_out - half, c_in, positions, 2 * (c_out - half)))


def bare(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The same layers with BatchNorm that has no parameters."""
    return tuple(layer._replace(extra=0) for layer in layers)
