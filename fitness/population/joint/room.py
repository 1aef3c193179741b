"""Memory that tensors share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor


class Room:
    """Tensors side by side in ``flat`` (numbers,)."""

    def __init__(self, flat: Tensor) -> None:
        self.flat, self.used = flat, 0

    def take(self, *shape: int) -> Tensor:
        """The next tensor, of any shape."""
        begin, self.used = self.used, self.used + math.prod(shape)
        return self.flat[begin : self.used].view(shape)


class Scratch:
    """Memory that one cell after the other uses for its temporary tensors."""

    def __init__(self) -> None:
        self.flat: Tensor | None = None

    def room(self, like: Tensor, shapes: Sequence[Sequence[int]]) -> Room:
        """Room for tensors of ``shapes`` that resemble ``like`` (any shape)."""
        numbers = sum(map(math.prod, shapes))
        if self.flat is None or len(self.flat) < numbers or self.flat.dtype != like.dtype:
            self.flat = None  # released before more is taken
            self.flat = like.new_empty(numbers)
        return Room(self.flat)
