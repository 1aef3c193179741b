"""Random numbers that belong to an image, not to a batch: the same however a data set is cut up, on any device.

Value j of image i is the finaliser of SplitMix64 (Steele, Lea, Flood 2014) at key_i + (j + 1) gamma, modulo 2^64,
with key_i the same function of a base and i. Each 64-bit value serves as two of 32 bits.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def _signed(value: int) -> int:
    """An unsigned 64-bit constant as int64 holds it."""
    return value - (1 << 64) if value >> 63 else value


GAMMA = 0x9E3779B97F4A7C15
FIRST, SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)


def _xor_shift(z: Tensor, bits: int) -> Tensor:
    """z ^ (z >>> bits) in place; PyTorch's shift of int64 copies the sign, which the mask takes away."""
    return z.bitwise_xor_((z >> bits).bitwise_and_((1 << (64 - bits)) - 1))


def _mix(z: Tensor) -> Tensor:
    """The finaliser of SplitMix64, in place."""
    z = _xor_shift(z, 30).mul_(FIRST)
    z = _xor_shift(z, 27).mul_(SECOND)
    return _xor_shift(z, 31)


class Streams:
    """Streams of the images numbered ``positions``, int64 (n,): every call draws the next values of each."""

    def __init__(self, base: int, positions: Tensor) -> None:
        start = _signed((base + GAMMA) % (1 << 64))
        self._keys = _mix(positions * _signed(GAMMA) + start)  # (n,)
        self._used = 0

    def _bits(self, count: int) -> Tensor:
        """``count`` 64-bit values of each image, int64 (n, count)."""
        counter = torch.arange(self._used + 1, self._used + 1 + count, dtype=torch.int64, device=self._keys.device)
        self._used += count
        return _mix(self._keys[:, None] + counter * _signed(GAMMA))

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """U(low, high), float64 (n, *shape), at the midpoints of 2^32 equal cells: never the ends."""
        count = math.prod(shape)
        halves = self._bits((count + 1) // 2).view(torch.int32)[:, :count]  # -2^31 to 2^31 - 1
        width = high - low
        return halves.double().mul_(width * 2.0**-32).add_(low + width * (0.5 + 2.0**-33)).view(-1, *shape)

    def normal(self, *shape: int) -> Tensor:
        """N(0, 1), float32 (n, *shape), by Box and Muller's transform: at most 6.8 in size."""
        count = math.prod(shape)
        unit = self.uniform(2, (count + 1) // 2).float()  # (n, 2, pairs)
        radius = unit[:, 0].log_().mul_(-2).clamp_(min=0).sqrt_()
        angle = unit[:, 1].mul_(2 * math.pi)
        pairs = torch.cat([radius * angle.cos(), radius * angle.sin()], 1)
        return pairs[:, :count].view(-1, *shape)

    def below(self, bound: int, *shape: int) -> Tensor:
        """Integers 0 to ``bound`` - 1, int64 (n, *shape)."""
        return (self.uniform(*shape) * bound).long()
