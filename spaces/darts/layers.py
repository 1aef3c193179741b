"""The layers of the DARTS operations in closed form: what can be counted without building them, or PyTorch."""

from __future__ import annotations

from functools import lru_cache

from spaces.size import Layer, Tally, tally
from spaces.skeleton.layers import factorized_reduce_layers


@lru_cache(maxsize=4096)
def operation_tally(name: str, channels: int, stride: int, side_in: int, side_out: int, live: bool) -> Tally:
    """Totals of one edge; sides in pixels."""
    return tally(operation_layers(name, channels, stride, side_in, side_out), live)


def operation_layers(name: str, channels: int, stride: int, side_in: int, side_out: int) -> tuple[Layer, ...]:
    """Layers of one edge in closed form; sides in pixels."""
    c, area = channels, side_out * side_out
    if name == "skip_connect":
        return factorized_reduce_layers(c, c, area) if stride > 1 else ()
    if name == "conv_7x1_1x7":
        return (Layer(c, 7 * c, side_in * side_out), Layer(c, 7 * c, area, 2 * c))
    if name.startswith(("sep_conv", "dil_conv")):
        kernel = int(name[-1])
        separable = (Layer(c, kernel * kernel, area), Layer(c, c, area, 2 * c))
        return separable * 2 if name.startswith("sep_conv") else separable
    return ()
