"""Random numbers per image, independent of its position in a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from evonas.evaluation.streams import Streams
from fitness import stable_hash


@dataclass(frozen=True)
class Draws:
    """Streams of random numbers, one per image by its index in the data set.

    The numbers of image i are a function of (seed, purpose, i), independent of its batch and of the remaining
    images. ``chunk`` identifies the batch for attacks that take one seed per batch.
    """

    seed: int
    indices: tuple[int, ...]
    chunk: int = 0

    @classmethod
    def of(cls, seed: int, first: int, count: int) -> Draws:
        """Streams of the images from ``first`` on."""
        return cls(seed, tuple(range(first, first + count)), first)

    def select(self, chosen: Tensor) -> Draws:
        """The streams of the images where ``chosen``, bool (N,), is true."""
        kept = tuple(index for index, keep in zip(self.indices, chosen.tolist(), strict=True) if keep)
        return Draws(self.seed, kept, self.chunk)

    def uniform(self, purpose: str, shape: tuple[int, ...]) -> Tensor:
        """Uniform on [-1, 1], float32 (N, *shape), on the CPU; the first values of the streams of ``purpose``."""
        streams = Streams(stable_hash("attack", self.seed, purpose), torch.tensor(self.indices, dtype=torch.int64))
        return streams.uniform(*shape, low=-1.0, high=1.0).float()

    def whole(self, purpose: str) -> int:
        """One seed for the whole batch."""
        return stable_hash(self.seed, purpose, "chunk", self.chunk)
