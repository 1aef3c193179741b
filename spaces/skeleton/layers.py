"""The layers of the skeleton in closed form."""

from __future__ import annotations

from typing import NamedTuple

from spaces.size import IMAGENET, Layer, NetworkSize

STEM_MULTIPLIER = 3  # of the stem "cifar"


class Stem(NamedTuple):
    """One of the outputs that the first cell reads, and the layers from the images or the stem before it."""

    channels: int
    side: int  # pixels
    layers: tuple[Layer, ...]


def stems(size: NetworkSize) -> tuple[Stem, ...]:
    """One stem, which the first cell reads twice, or the two of "imagenet", of 1/4 and 1/8 of the sides."""
    if size.stem != IMAGENET:
        c_stem, area = STEM_MULTIPLIER * size.channels, size.image_size**2
        return (Stem(c_stem, size.image_size, (Layer(c_stem, 27, area, 2 * c_stem),)),)
    c, c_first = size.channels, first_channels(size.channels)
    first = halved(size.image_size)
    second = halved(first)
    third = halved(second)
    layers = (Layer(c_first, 27, first**2, 2 * c_first), Layer(c, 9 * c_first, second**2, 2 * c))
    return Stem(c, second, layers), Stem(c, third, (Layer(c, 9 * c, third**2, 2 * c),))


def first_channels(channels: int) -> int:
    """Output channels of the first convolution of the stem "imagenet"."""
    return max(1, channels // 2)


def halved(side: int) -> int:
    """Pixels along one side after a stride of 2."""
    return -(-side // 2)


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
